/** How far the hooks after a delivery have come: so that each is run once for a generation. */
import { v } from '../../base/schema.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { SpecName } from '../spec.ts'
import { readDocument, storeStep, writeDocument } from './documents.ts'
import { hooksDirectory, hooksPath, stateDirectoryMode } from './paths.ts'

export type HookRecord = {
  /** The generation whose delivery they are to follow, or have followed. */
  readonly generation: string
  /** How many of them have been run. */
  readonly done: number
}

const recordSchema = v.object({ generation: v.string(), done: v.number() })

/**
 * The record of a certificate; `undefined` where no delivery had hooks yet.
 * @throws AppError ERR_STORE, ERR_STORE_CORRUPT
 */
export async function readHooks(
  state: string,
  name: SpecName,
  { files }: Pick<Runtime, 'files'>,
): Promise<HookRecord | undefined> {
  return readDocument(hooksPath(state, name), recordSchema, files)
}

/** Writes the record. Durable when it resolves. */
export async function writeHooks(
  state: string,
  name: SpecName,
  record: HookRecord,
  { files }: Pick<Runtime, 'files'>,
): Promise<void> {
  await storeStep(`create ${hooksDirectory(state)}`, () =>
    files.makeDirectory(hooksDirectory(state), stateDirectoryMode),
  )
  await writeDocument(hooksPath(state, name), record, files)
}

/** Forgets how far they have come. */
export async function removeHooks(
  state: string,
  name: SpecName,
  { files }: Pick<Runtime, 'files'>,
): Promise<void> {
  await storeStep(`remove ${hooksPath(state, name)}`, () => files.remove(hooksPath(state, name)))
}
