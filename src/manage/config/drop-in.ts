/** The file that `issue` writes below `certificates.d/`. */
import { AppError, messageOf } from '../../base/errors.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { formatYaml } from './document.ts'
import type { ConfigPlace } from './place.ts'
import type { CertificateEntry } from './schema.ts'

/** Where the drop-in of a certificate lies. */
export function dropInPath({ dropIns }: ConfigPlace, name: string): string {
  return `${dropIns}/${name}.yaml`
}

/** The text of a drop-in. */
export function formatDropIn(name: string, entry: CertificateEntry): string {
  return `# Written by "certwright issue"; yours to edit.\n${formatYaml({ certificates: { [name]: entry } })}`
}

/**
 * Writes a drop-in, over an earlier one of the same certificate.
 * @throws AppError ERR_CONFIG_READ
 */
export async function writeDropIn(
  path: string,
  text: string,
  { files }: Pick<Runtime, 'files'>,
): Promise<void> {
  try {
    await files.makeDirectory(path.slice(0, path.lastIndexOf('/')), 0o755)
    await files.replace(path, text, 0o644)
  } catch (error) {
    const hint = 'run as root, or choose another place with --config FILE'
    throw new AppError('ERR_CONFIG_READ', `cannot write ${path}: ${messageOf(error)}`, { cause: error, hint })
  }
}
