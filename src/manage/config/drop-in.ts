/** The file that `issue` writes below `certificates.d/`. */
import { AppError, messageOf } from '../../base/errors.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { formatYaml, parseConfigDocument } from './document.ts'
import type { ConfigPlace } from './place.ts'
import { type CertificateEntry, fileSchema } from './schema.ts'

/** Where the drop-in of a certificate lies. */
export function dropInPath({ dropIns }: ConfigPlace, name: string): string {
  return `${dropIns}/${name}.yaml`
}

/** The text of a drop-in. */
export function formatDropIn(name: string, entry: CertificateEntry): string {
  return `# Written by "certwright issue"; yours to edit.\n${formatYaml({ certificates: { [name]: entry } })}`
}

/** The entry of a certificate in the text of its drop-in; empty where the text has none that is good. */
export function readDropIn(path: string, name: string, text: string): CertificateEntry {
  const document = parseConfigDocument(path, text, fileSchema)
  return 'issues' in document ? {} : (document.value.certificates?.[name] ?? {})
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
