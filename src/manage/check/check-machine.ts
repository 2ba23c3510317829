/** The machine that Certwright runs on: its state directory and the disk under it. */
import { isAppError } from '../../base/errors.ts'
import { temporaryPrefix } from '../../runtime/files.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { storeStep } from '../store/documents.ts'
import { privateFileMode, stateDirectoryMode } from '../store/paths.ts'
import { type Finding, failure, finding } from './finding.ts'

const mebibyte = 2 ** 20
/** A generation and the journal of its run take some 50 KB; a disk that is nearly full has other troubles soon. */
const roomBytes = { failed: 5 * mebibyte, warning: 100 * mebibyte } as const
/** Everything that is not the owner's. */
const othersBits = 0o077

/** Writes a file into the state directory, and takes it away again. */
export async function checkMachine(
  state: string,
  runtime: Pick<Runtime, 'files' | 'freeBytes' | 'random'>,
): Promise<readonly Finding[]> {
  const written = await tryState(state, runtime)
  const free = judgeRoom(state, await runtime.freeBytes(state))
  return [written, free]
}

async function tryState(
  state: string,
  { files, random }: Pick<Runtime, 'files' | 'random'>,
): Promise<Finding> {
  const file = `${state}/${temporaryPrefix}${random.id(10)}`
  try {
    await storeStep(`create ${state}`, () => files.makeDirectory(state, stateDirectoryMode))
    await storeStep(`write ${file}`, () => files.writeNew(file, 'x', privateFileMode))
    await storeStep(`remove ${file}`, () => files.remove(file))
  } catch (error) {
    if (!isAppError(error)) throw error
    return failure('state', error)
  }
  const mode = (await files.facts(state))?.mode ?? stateDirectoryMode
  if ((mode & othersBits) === 0)
    return finding('state', 'ok', `${state} can be written, and is nobody else's`)
  const octal = (mode & 0o777).toString(8).padStart(4, '0')
  const text = `${state} has private keys in it, and its mode is ${octal}: others may look into it`
  return finding('state', 'warning', text, `chmod 0700 ${state}`)
}

/** What the room on a disk means. Pure. */
export function judgeRoom(directory: string, bytes: number | undefined): Finding {
  if (bytes === undefined)
    return finding('disk', 'skipped', `how much room is left for ${directory} is not known`)
  const room = `${Math.floor(bytes / mebibyte)} MiB are free for ${directory}`
  if (bytes >= roomBytes.warning) return finding('disk', 'ok', room)
  const outcome = bytes < roomBytes.failed ? 'failed' : 'warning'
  return finding('disk', outcome, room, 'make room: what cannot be written durably is not done at all')
}
