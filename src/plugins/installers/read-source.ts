/** Files of a server's configuration, and where their paths lead. */
import { textOfBytes } from '../../base/byte-text.ts'
import { AppError, messageOf } from '../../base/errors.ts'
import { printable } from '../../base/printable.ts'
import type { DeployableCertificate } from '../../contracts/deployer.ts'
import type { PlanOptions } from '../../contracts/installer.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { endOfPath, followPath } from '../deployers/server/file-trail.ts'
import { ownerOfFile, type Source } from './file-edit.ts'

/** No server has a limit; nobody writes more by hand. */
const maxFileBytes = 64 * 1024 * 1024

export type ReadOptions = {
  /** As the server calls it; absolute. */
  readonly name: string
  /** What is edited lies below it; free of links. */
  readonly tree: string
  /** Files, by their path below the tree, that come with packages and are replaced with them. */
  readonly packaged: RegExp
  readonly withoutEdits: PlanOptions['withoutEdits']
  /** Whether the whole file was understood. */
  readonly isUnderstood: (file: { readonly name: string; readonly text: string }) => boolean
  /** Whether these are the bytes that the server has read; always when absent. */
  readonly isCurrent?: (bytes: Uint8Array) => boolean
}

/**
 * One file as it lies on the disk, and whether it may be edited.
 * @throws AppError ERR_DEPLOY where it cannot be read, or is not what the server has read; ERR_FORMAT where it cannot be split
 */
export async function readSource(options: ReadOptions, runtime: Pick<Runtime, 'files'>): Promise<Source> {
  const { name, withoutEdits, isCurrent = () => true } = options
  const path = await endOfPath(name, runtime)
  const bytes = await runtime.files.read(path, { maxBytes: maxFileBytes }).catch((cause: unknown) => {
    throw new AppError('ERR_DEPLOY', `cannot read ${printable(name)}: ${messageOf(cause)}`, {
      hint: 'run this as root, as the server is started',
      cause,
    })
  })
  if (bytes === undefined || !isCurrent(bytes)) {
    throw new AppError('ERR_DEPLOY', `${printable(name)} is not what the server has just read`, {
      hint: 'somebody is editing it, or the server runs in a container with files of its own; run this again, or there',
    })
  }
  const current = textOfBytes(bytes).text
  const text = withoutEdits(path, current)
  const refusal = whyNotEdited({ ...options, path, text })
  return { name, path, current, text, ...(refusal !== undefined && { refusal }) }
}

function whyNotEdited({
  name,
  path,
  text,
  tree,
  packaged,
  isUnderstood,
}: ReadOptions & Pick<Source, 'path' | 'text'>): string | undefined {
  if (!path.startsWith(`${tree}/`)) return `it lies outside of ${printable(tree)}, and is not edited`
  if (packaged.test(path.slice(tree.length + 1))) return 'it comes with a package, and is not edited'
  const owner = ownerOfFile(text)
  if (owner !== undefined) return `${owner}: it is not edited`
  return isUnderstood({ name, text })
    ? undefined
    : 'it has something in it that was not understood, and is not edited'
}

/** Whether a path leads through `live/<name>` of a certificate, or of the other one of its pair. */
export type LeadsTo = (path: string, directory: string) => boolean

/** Follows every path once. */
export async function followAll(
  paths: Iterable<string>,
  { liveDirectory, pair }: DeployableCertificate,
  runtime: Pick<Runtime, 'files'>,
): Promise<LeadsTo> {
  const leads = new Set<string>()
  for (const path of new Set(paths)) {
    for (const directory of [liveDirectory, ...(pair === undefined ? [] : [pair.otherDirectory])]) {
      const { below } = await followPath(path, directory, runtime)
      if (below !== undefined) leads.add(JSON.stringify([path, directory]))
    }
  }
  return (path, directory) => leads.has(JSON.stringify([path, directory]))
}
