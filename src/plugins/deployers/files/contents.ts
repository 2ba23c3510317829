/** What the files of a target hold, wherever they are written. */
import { AppError, messageOf } from '../../../base/errors.ts'
import { printable } from '../../../base/printable.ts'
import type { DeployableCertificate } from '../../../contracts/deployer.ts'
import { type FileOptions, holdsKey, type WantedFile, wantedFiles } from '../../../contracts/files-target.ts'
import { readSecret } from '../../../contracts/secret.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import { type CertificateParts, formatCertificate } from '../formats/format.ts'
import { readParts } from '../server/read-parts.ts'

/** A file that a target wants, and what is to be in it. */
export type FilledFile = { readonly file: WantedFile; readonly content: Uint8Array }

/** Where a generation is, which `live/<name>` does not lead to yet. */
export type PrepareOptions = { readonly directory: string; readonly signal: AbortSignal }

/**
 * The files of a target with their contents; without those that hold the key, where it is elsewhere.
 * @throws AppError ERR_DEPLOY, and what `readSecret` throws
 */
export async function fillFiles(
  target: FileOptions,
  certificate: Pick<DeployableCertificate, 'name' | 'keyIsElsewhere'>,
  { directory }: Pick<PrepareOptions, 'directory'>,
  runtime: Pick<Runtime, 'exec' | 'files' | 'environment'>,
): Promise<readonly FilledFile[]> {
  const { name, keyIsElsewhere = false } = certificate
  const parts = await readParts(directory, certificate, runtime)
  const filled: FilledFile[] = []
  for (const file of wantedFiles(target)) {
    if (keyIsElsewhere && holdsKey(file.format)) continue
    const password = file.password === undefined ? '' : await readSecret(file.password, runtime)
    filled.push({ file, content: format(file, parts, { alias: file.alias ?? name, password }) })
  }
  return filled
}

function format(
  { format: wanted, path }: WantedFile,
  parts: CertificateParts,
  options: { readonly alias: string; readonly password: string },
): Uint8Array {
  try {
    return formatCertificate(wanted, parts, options)
  } catch (cause) {
    throw new AppError('ERR_DEPLOY', `cannot make ${printable(path)}: ${messageOf(cause)}`, { cause })
  }
}
