/** The file that `issue` writes below `certificates.d/`. */
import { AppError, isAppError, messageOf, systemCodeOf } from '../../base/errors.ts'
import { printable } from '../../base/printable.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { deleteInYaml, parseConfigDocument, setInYaml } from './document.ts'
import type { ConfigPlace } from './place.ts'
import { type CertificateEntry, fileSchema } from './schema.ts'

/** Where the drop-in of a certificate lies. */
export function dropInPath({ dropIns }: ConfigPlace, name: string): string {
  return `${dropIns}/${name}.yaml`
}

/** Members of an entry; one that is `undefined` is taken out. */
export type EntryChange = {
  readonly [Key in keyof CertificateEntry]: CertificateEntry[Key] | undefined
}

/**
 * The text of a drop-in with an entry.
 * @param earlier - its text so far: other certificates and comments in it stay, and so does what the entry does not say
 */
export function formatDropIn(name: string, entry: EntryChange, earlier = newDropIn): string {
  return setInYaml(earlier, ['certificates', name], entry)
}

const newDropIn = '# Written by "certwright issue"; yours to edit.\n'

/** The text of a drop-in without a certificate; `undefined` where no other one is left in it. */
export function dropInWithout(path: string, name: string, text: string): string | undefined {
  const document = parseConfigDocument(path, text, fileSchema)
  const names = 'issues' in document ? [] : Object.keys(document.value.certificates ?? {})
  return names.some(other => other !== name) ? deleteInYaml(text, ['certificates', name]) : undefined
}

/**
 * The text of a drop-in, if there is one.
 * @throws AppError ERR_CONFIG_READ
 */
export async function readDropIn(
  path: string,
  { files }: Pick<Runtime, 'files'>,
): Promise<string | undefined> {
  const content = await files.read(path).catch(error => {
    throw new AppError('ERR_CONFIG_READ', `cannot read ${path}: ${messageOf(error)}`, { cause: error })
  })
  return content === undefined ? undefined : new TextDecoder().decode(content)
}

/** Of a drop-in that is new: there is no secret in it. */
const dropInMode = 0o644

/**
 * Writes a drop-in, over an earlier one of the same certificate, whose mode it keeps.
 * @throws AppError ERR_CONFIG_READ, also where a symbolic link is in its place: it belongs to whoever made it
 */
export async function writeDropIn(
  path: string,
  text: string,
  { files }: Pick<Runtime, 'files'>,
): Promise<void> {
  try {
    const earlier = await files.facts(path)
    if (earlier?.kind === 'symlink') throw linked(path, await files.readLink(path))
    await files.makeDirectory(path.slice(0, path.lastIndexOf('/')), 0o755)
    await files.replace(path, text, earlier === undefined ? dropInMode : earlier.mode & 0o777)
  } catch (error) {
    if (isAppError(error)) throw error
    const hint =
      systemCodeOf(error) === 'ENOSPC'
        ? 'free some disk space and run the command again'
        : 'run as root, or choose another place with --config FILE'
    throw new AppError('ERR_CONFIG_READ', `cannot write ${path}: ${messageOf(error)}`, { cause: error, hint })
  }
}

function linked(path: string, target = ''): AppError {
  return new AppError(
    'ERR_CONFIG_READ',
    `${path} is a symbolic link to ${printable(target)}, and stays one`,
    {
      hint: 'make the change in that file and run: certwright apply; or put a file of its own in place of the link',
    },
  )
}
