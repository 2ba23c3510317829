/** Configuration files of servers. */
import { AppError, messageOf, systemCodeOf } from '../../../base/errors.ts'
import { printable } from '../../../base/printable.ts'
import type { Runtime } from '../../../runtime/runtime.ts'

/**
 * The text of a file that belongs to a server, or `undefined` where there is none.
 * @throws AppError ERR_DEPLOY_BROKEN_BEFORE where it cannot be read
 */
export async function readText(path: string, { files }: Pick<Runtime, 'files'>): Promise<string | undefined> {
  try {
    const content = await files.read(path)
    return content === undefined ? undefined : new TextDecoder().decode(content)
  } catch (cause) {
    if (systemCodeOf(cause) === 'ENOTDIR') return undefined
    throw new AppError('ERR_DEPLOY_BROKEN_BEFORE', `cannot read ${printable(path)}: ${messageOf(cause)}`, {
      hint: 'run this as root, as the server is started',
      cause,
    })
  }
}
