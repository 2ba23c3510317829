/** Whether a process that is not root could read a file. */
import type { Runtime } from '../../../runtime/runtime.ts'
import { endOfPath } from './file-trail.ts'

/** As whom a process runs, and the groups that it has besides its own. */
export type ProcessOwner = { readonly uid: number; readonly gid: number; readonly groups?: readonly number[] }

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
  const groups = await groupsOf(pid, reader)
  for (const path of paths)
    if (process === undefined || !(await mayRead({ ...process, groups }, path, reader))) return path
  return undefined
}

/** None where the system does not tell. */
async function groupsOf(pid: number, { files }: Pick<Runtime, 'files'>): Promise<readonly number[]> {
  const status = await files.read(`/proc/${pid}/status`).catch(() => undefined) // it may be gone already
  const [, groups = ''] = /^Groups:\t(.*)$/m.exec(new TextDecoder().decode(status)) ?? []
  return (groups.match(/\d+/g) ?? []).map(Number)
}

/** `/` is everybody's. */
function directoriesOf(path: string): readonly string[] {
  const names = path.split('/').slice(1, -1)
  return names.map((_, index) => `/${names.slice(0, index + 1).join('/')}`)
}

async function has(
  bit: number,
  { uid, gid, groups = [] }: ProcessOwner,
  path: string,
  { files }: Pick<Runtime, 'files'>,
): Promise<boolean> {
  const facts = await files.facts(path)
  if (facts === undefined) return false
  if (facts.kind === 'symlink') return true // where it leads is looked at, too
  const isOfGroup = facts.gid === gid || groups.includes(facts.gid)
  const shift = facts.uid === uid ? 6 : isOfGroup ? 3 : 0
  return ((facts.mode >> shift) & bit) !== 0
}
