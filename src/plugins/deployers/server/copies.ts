/** Copies of a certificate at the places where a server reads one. */
import { systemCodeOf } from '../../../base/errors.ts'
import type { DeployableCertificate } from '../../../contracts/deployer.ts'
import { type FileFormat, holdsKey, parseMode } from '../../../contracts/files-target.ts'
import type { ServerOptions } from '../../../contracts/server-target.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import type { PreparedFiles, TargetFile } from '../../../runtime/target-files.ts'
import { formatCertificate } from '../formats/format.ts'
import { numberOf } from './owner.ts'
import type { CertificatePlace } from './place.ts'
import { readParts } from './read-parts.ts'

/** Owner, group and mode of files that are written where none lie yet; those of the files that lie there otherwise. */
export type Fresh = { readonly owner?: string; readonly group?: string; readonly keyMode?: number }

export type CopyOptions = {
  /** Of the generation. */
  readonly directory: string
  readonly options: Pick<ServerOptions, 'owner' | 'group' | 'mode'>
  readonly fresh: Fresh
  readonly signal: AbortSignal
}

type CopyRuntime = Pick<Runtime, 'exec' | 'files' | 'targetFiles'>

const ownerOnly = 0o600
const everybodyReads = 0o644
/** No server needs more of its key than that its group reads it. */
const widestKeyMode = 0o640

/**
 * Makes the files of the places ready.
 * @throws AppError ERR_DEPLOY; then nothing is left behind
 */
export async function prepareCopies(
  places: readonly CertificatePlace[],
  certificate: DeployableCertificate,
  { directory, ...options }: CopyOptions,
  runtime: CopyRuntime,
): Promise<PreparedFiles> {
  const parts = await readParts(directory, certificate, runtime)
  const wanted = new Map(places.flatMap(filesOf))
  const files: TargetFile[] = []
  for (const [path, format] of wanted) {
    const content = formatCertificate(format, parts, { alias: certificate.name, password: '' })
    files.push({ path, content, ...(await accessOf(path, format, options, runtime)) })
  }
  return runtime.targetFiles.prepare(files)
}

function filesOf({
  certificateFile,
  keyFile,
  chainFile,
}: CertificatePlace): readonly (readonly [path: string, format: FileFormat])[] {
  if (keyFile === certificateFile) return [[certificateFile, 'combined']]
  if (chainFile === undefined || chainFile === certificateFile)
    return [
      [certificateFile, 'fullchain'],
      [keyFile, 'key'],
    ]
  return [
    [certificateFile, 'cert'],
    [chainFile, 'chain'],
    [keyFile, 'key'],
  ]
}

/** As the configuration of Certwright says; else as the file has it that lies there; else as the server needs it. */
async function accessOf(
  path: string,
  format: FileFormat,
  { options, fresh, signal }: Omit<CopyOptions, 'directory'>,
  runtime: CopyRuntime,
): Promise<Pick<TargetFile, 'mode' | 'uid' | 'gid'>> {
  const there = await factsOf(path, runtime)
  const owner = options.owner ?? there?.uid ?? fresh.owner
  const group = options.group ?? there?.gid ?? fresh.group
  const isKey = holdsKey(format)
  const usual = isKey ? (fresh.keyMode ?? ownerOnly) : everybodyReads
  const present = there === undefined ? undefined : there.mode & (isKey ? widestKeyMode : everybodyReads)
  return {
    mode: parseMode(options.mode) ?? present ?? usual,
    ...(owner !== undefined && { uid: await numberOf('user', owner, runtime, { signal }) }),
    ...(group !== undefined && { gid: await numberOf('group', group, runtime, { signal }) }),
  }
}

async function factsOf(path: string, { files }: CopyRuntime) {
  try {
    const facts = await files.facts(path)
    return facts?.kind === 'file' ? facts : undefined
  } catch (error) {
    if (systemCodeOf(error) === 'ENOTDIR') return undefined
    throw error
  }
}
