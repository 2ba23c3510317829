/** The ledgers on disk: one small document per CA, shared by all processes. Trouble with it stops nothing. */
import { instantSchema } from '../../acme/wire.ts'
import { isAppError } from '../../base/errors.ts'
import { type Instant, secondMs } from '../../base/instant.ts'
import { v } from '../../base/schema.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { readDocument, storeStep, writeDocument } from '../store/documents.ts'
import { takeLock } from '../store/locks.ts'
import { stateDirectoryMode } from '../store/paths.ts'
import { applyChanges, type Ledger, type LedgerChanges } from './ledger.ts'

/** Another process holds the lock for the time of one small write. */
const lockWaitMs = 10 * secondMs

/** About a million buckets. */
const maxBytes = 64 * 2 ** 20

const ledgerSchema = v.object({ fullAt: v.record(v.string(), instantSchema) })

const directory = (state: string) => `${state}/limits`
const ledgerPath = (state: string, name: string) => `${directory(state)}/${name}.json`

/** Says what a person should know: the ledger was damaged, or could not be written. */
export type OnLedgerWarning = (text: string) => void

/**
 * The ledger of a CA; an empty one where there is none, or where it cannot be read.
 * @param name - by `ledgerName`
 */
export async function readLedger(
  state: string,
  name: string,
  onWarning: OnLedgerWarning,
  { files }: Pick<Runtime, 'files'>,
): Promise<Ledger> {
  try {
    const document = await readDocument(ledgerPath(state, name), ledgerSchema, files, { maxBytes })
    return new Map(Object.entries(document?.fullAt ?? {}))
  } catch (error) {
    if (!isAppError(error)) throw error
    onWarning(`the rate limits of ${name} are taken as unused: ${error.message}`)
    return new Map()
  }
}

/** What becomes of a ledger, and what is found out about it. Pure: it may be called twice. */
export type LedgerUpdate<T> = (ledger: Ledger) => { readonly result: T; readonly changes: LedgerChanges }

/**
 * Reads the ledger of a CA, changes it and writes it, with no other process in between. Nothing is locked or
 * written where nothing changes.
 */
export async function updateLedger<T>(
  state: string,
  name: string,
  update: LedgerUpdate<T>,
  { onWarning, signal }: { readonly onWarning: OnLedgerWarning; readonly signal: AbortSignal },
  runtime: Pick<Runtime, 'files' | 'clock' | 'tryLock'>,
): Promise<T> {
  const { result, changes } = update(await readLedger(state, name, onWarning, runtime))
  if (changes.length === 0) return result
  try {
    const about = { about: `rate limits of ${name}`, waitMs: lockWaitMs, signal }
    await using _lock = await takeLock(state, `limits-${name}`, about, runtime)
    const ledger = await readLedger(state, name, () => {}, runtime)
    const now = update(ledger)
    await writeLedger(state, name, { ledger, changes: now.changes }, runtime)
    return now.result
  } catch (error) {
    if (!isAppError(error) || error.code === 'ERR_ABORTED') throw error
    onWarning(`the rate limits of ${name} are not kept: ${error.message}`)
    return result
  }
}

async function writeLedger(
  state: string,
  name: string,
  { ledger, changes }: { readonly ledger: Ledger; readonly changes: LedgerChanges },
  { files, clock }: Pick<Runtime, 'files' | 'clock'>,
): Promise<void> {
  const next = new Map<string, Instant>(ledger)
  applyChanges(next, changes)
  const now = clock.now()
  const fullAt = [...next].flatMap(([bucket, at]) => (at > now ? [[bucket, isoText(at)] as const] : []))
  await storeStep(`make ${directory(state)}`, () => files.makeDirectory(directory(state), stateDirectoryMode))
  await writeDocument(ledgerPath(state, name), { fullAt: Object.fromEntries(fullAt) }, files)
}

/** To the millisecond, and never earlier: some buckets refill many times a second. */
function isoText(at: Instant): string {
  return new Date(Math.ceil(at)).toISOString()
}
