/** Whether a process that is not root could read a file. */
import type { Runtime } from '../../../runtime/runtime.ts'
import { endOfPath } from './file-trail.ts'

/** As whom a process runs; groups that it has besides its own are not counted. */
export type ProcessOwner = { readonly uid: number; readonly gid: number }

const [mayReadBit, maySearchBit] = [0o4, 0o1]

/**
 * By owner, group and mode of the file and of the directories on the way to it.
 * @throws AppError ERR_DEPLOY where the way may not be looked at
 */
export async function mayRead(
  owner: ProcessOwner,
  path: string,
  reader: Pick<Runtime, 'files'>,
): Promise<boolean> {
  if (owner.uid === 0) return true
  const ways = [path, await endOfPath(path, reader)]
  for (const directory of ways.flatMap(directoriesOf))
    if (!(await has(maySearchBit, owner, directory, reader))) return false
  return await has(mayReadBit, owner, ways[1] ?? path, reader)
}

/**
 * The first of some files that a process may not read.
 * @throws AppError ERR_DEPLOY
 */
export async function firstUnreadable(
  pid: number,
  paths: readonly string[],
  reader: Pick<Runtime, 'files'>,
): Promise<string | undefined> {
  const process = await reader.files.facts(`/proc/${pid}`)
  for (const path of paths) if (process === undefined || !(await mayRead(process, path, reader))) return path
  return undefined
}

/** `/` is everybody's. */
function directoriesOf(path: string): readonly string[] {
  const names = path.split('/').slice(1, -1)
  return names.map((_, index) => `/${names.slice(0, index + 1).join('/')}`)
}

async function has(
  bit: number,
  { uid, gid }: ProcessOwner,
  path: string,
  { files }: Pick<Runtime, 'files'>,
): Promise<boolean> {
  const facts = await files.facts(path)
  if (facts === undefined) return false
  if (facts.kind === 'symlink') return true // where it leads is looked at, too
  const shift = facts.uid === uid ? 6 : facts.gid === gid ? 3 : 0
  return ((facts.mode >> shift) & bit) !== 0
}
