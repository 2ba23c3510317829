/** What challenges were answered with and could not be taken away before the journal of their run was removed. */
import { v } from '../../base/schema.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { SpecName } from '../spec.ts'
import { readDocument, storeStep, writeDocument } from './documents.ts'
import { leftOversPath, runsDirectory, stateDirectoryMode } from './paths.ts'
import { type Presented, presentedFields } from './runs.ts'

/** The newest are kept. With a hundred names each they still fit into the megabyte that is read. */
const maxLeftOvers = 20

const leftOversSchema = v.array(v.object(presentedFields))

/**
 * What is left of earlier runs, the oldest first; `undefined` where nothing is.
 * @throws AppError ERR_STORE, ERR_STORE_CORRUPT
 */
export async function readLeftOvers(
  state: string,
  name: SpecName,
  { files }: Pick<Runtime, 'files'>,
): Promise<readonly Presented[] | undefined> {
  return readDocument(leftOversPath(state, name), leftOversSchema, files)
}

/** Writes down what is left. With nothing left there is no document. */
export async function writeLeftOvers(
  state: string,
  name: SpecName,
  leftOvers: readonly Presented[],
  { files }: Pick<Runtime, 'files'>,
): Promise<void> {
  const path = leftOversPath(state, name)
  if (leftOvers.length === 0) return storeStep(`remove ${path}`, () => files.remove(path))
  await storeStep(`create ${runsDirectory(state)}`, () =>
    files.makeDirectory(runsDirectory(state), stateDirectoryMode),
  )
  await writeDocument(path, leftOvers.slice(-maxLeftOvers), files)
}

/** Certificates of which something is left. */
export async function namesWithLeftOvers(
  state: string,
  { files }: Pick<Runtime, 'files'>,
): Promise<readonly string[]> {
  const directory = runsDirectory(state)
  const entries = await storeStep(`list ${directory}`, () => files.list(directory))
  return entries.flatMap(entry => /^\.left-over-(.+)\.json$/.exec(entry)?.[1] ?? [])
}
