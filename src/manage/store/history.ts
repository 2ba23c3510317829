/** What happened to a certificate, for people: kept for the last entries, and in nobody's way when it is damaged. */
import { instantSchema } from '../../acme/wire.ts'
import { isAppError } from '../../base/errors.ts'
import { formatInstant, type Instant, secondMs } from '../../base/instant.ts'
import { v } from '../../base/schema.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { SpecName } from '../spec.ts'
import { readDocument, storeStep, writeDocument } from './documents.ts'
import { takeLock } from './locks.ts'
import { historyDirectory, historyPath, stateDirectoryMode } from './paths.ts'

/** The oldest entries go first. Five years of renewals every two months are 60, each with one to three entries. */
const maxEntries = 200
/** With the longest messages (4 KB each) still read as a whole. */
const maxBytes = 4 * 2 ** 20
/** Another process holds the lock for the time of one small write. */
const lockWaitMs = 5 * secondMs

/** What can happen. */
export const historyKinds = [
  'issued',
  'deployed',
  'failed',
  'refused',
  'advice',
  'revoked',
  'rehearsed',
] as const
export type HistoryKind = (typeof historyKinds)[number]

/** One thing that happened; what failed again in the same way is one entry. */
export type HistoryEntry = {
  /** The first time. */
  readonly at: Instant
  readonly kind: HistoryKind
  readonly text: string
  readonly hint?: string
  /** Of what failed or was refused. */
  readonly code?: string
  readonly authority?: string
  readonly generation?: string
  readonly fingerprint?: string
  /** How often, where more than once, and the last time. */
  readonly count?: number
  readonly lastAt?: Instant
}

/** An entry before it is written; it happened now unless it says when. */
export type NewHistoryEntry = Omit<HistoryEntry, 'at' | 'count' | 'lastAt'> & { readonly at?: Instant }

const historySchema = v.object({
  entries: v.array(
    v.object({
      at: instantSchema,
      kind: v.picklist(historyKinds),
      text: v.string(),
      hint: v.optional(v.string()),
      code: v.optional(v.string()),
      authority: v.optional(v.string()),
      generation: v.optional(v.string()),
      fingerprint: v.optional(v.string()),
      count: v.optional(v.pipe(v.number(), v.integer(), v.minValue(2))),
      lastAt: v.optional(instantSchema),
    }),
  ),
}) as v.GenericSchema<unknown, { readonly entries: readonly HistoryEntry[] }> // absent members stay absent

/**
 * What happened, in the order in which it was written down.
 * @throws AppError ERR_STORE, ERR_STORE_CORRUPT
 */
export async function readHistory(
  state: string,
  name: SpecName,
  { files }: Pick<Runtime, 'files'>,
): Promise<readonly HistoryEntry[]> {
  const document = await readDocument(historyPath(state, name), historySchema, files, { maxBytes })
  return document?.entries ?? []
}

/**
 * Writes down what happened. Never throws: what cannot be written down has happened all the same. A damaged history is
 * begun anew.
 */
export async function recordHistory(
  state: string,
  name: SpecName,
  happened: readonly NewHistoryEntry[],
  runtime: Pick<Runtime, 'files' | 'clock' | 'tryLock'>,
): Promise<void> {
  if (happened.length === 0) return
  const { files, clock } = runtime
  try {
    const { signal } = new AbortController() // also what ended in a cancellation is written down
    const about = { about: `history of ${name}`, waitMs: lockWaitMs, signal }
    await using _lock = await takeLock(state, `history-${name}`, about, runtime)
    const earlier = await readHistory(state, name, { files }).catch((error: unknown) => {
      if (isAppError(error, 'ERR_STORE_CORRUPT')) return []
      throw error
    })
    const at = clock.now()
    const entries = happened.reduce((all, entry) => addEntry(all, { at, ...entry }), earlier)
    await storeStep(`create ${historyDirectory(state)}`, () =>
      files.makeDirectory(historyDirectory(state), stateDirectoryMode),
    )
    await writeDocument(historyPath(state, name), { entries: entries.map(historyEntryJson) }, files)
  } catch (error) {
    if (!isAppError(error)) throw error
  }
}

/** Forgets what happened to a certificate. */
export async function removeHistory(
  state: string,
  name: SpecName,
  { files }: Pick<Runtime, 'files'>,
): Promise<void> {
  await storeStep(`remove ${historyPath(state, name)}`, () => files.remove(historyPath(state, name)))
}

/** The history with one more entry, or with its last entry counted once more. Pure. */
export function addEntry(earlier: readonly HistoryEntry[], next: HistoryEntry): readonly HistoryEntry[] {
  const last = earlier.at(-1)
  if (last === undefined || !sameFailure(last, next)) return [...earlier, next].slice(-maxEntries)
  const counted = { ...next, at: last.at, count: (last.count ?? 1) + 1, lastAt: next.at }
  return [...earlier.slice(0, -1), counted]
}

function sameFailure(one: HistoryEntry, other: HistoryEntry): boolean {
  if (one.code === undefined || one.code !== other.code || one.kind !== other.kind) return false
  return withoutTokens(one.text) === withoutTokens(other.text)
}

/** Challenge tokens and what else a CA makes up are new at every attempt; none is shorter (RFC 8555 §8). */
function withoutTokens(text: string): string {
  return text.replace(/[\w-]{22,}/g, '')
}

/** The oldest first. What followed an issuance within its second, as times are kept, comes after it. Pure. */
export function chronological<T extends Pick<HistoryEntry, 'at'> & { readonly kind: string }>(
  entries: readonly T[],
): readonly T[] {
  const isLater = ({ kind }: T) => Number(kind !== 'issued')
  return entries.toSorted((one, other) => one.at - other.at || isLater(one) - isLater(other))
}

/** The JSON form: times as RFC 3339 text. */
export function historyEntryJson({ at, lastAt, ...rest }: HistoryEntry): Record<string, unknown> {
  return {
    at: formatInstant(at),
    ...rest,
    ...(lastAt !== undefined && { lastAt: formatInstant(lastAt) }),
  }
}
