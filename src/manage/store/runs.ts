/**
 * The journal of an issuance: one new file per entry, so that nothing is ever rewritten. A run exists on disk exactly
 * as long as it is unfinished; the private key that it made lies beside its entries.
 */
import { identifierSchema } from '../../acme/identifier.ts'
import { AcmeProblemError } from '../../acme/problem.ts'
import { instantSchema, type Url, urlSchema } from '../../acme/wire.ts'
import type { AppError } from '../../base/errors.ts'
import { formatInstant, type Instant } from '../../base/instant.ts'
import { v } from '../../base/schema.ts'
import type { Json, Provision } from '../../contracts/solver.ts'
import { temporaryPrefix } from '../../runtime/files.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { keyTypes } from '../../x509/key-types.ts'
import type { RunIntent } from '../run-intent.ts'
import type { SolverChoice, SpecName } from '../spec.ts'
import { corrupt, readDocument, storeStep } from './documents.ts'
import { endedRunPath, privateFileMode, runsPath, stateDirectoryMode } from './paths.ts'

/** What one solver was told to put in place. */
export type Presented = { readonly solver: SolverChoice; readonly provisions: readonly Provision[] }

/** Entries in the order in which they are written. `failed` may follow any of them, and more may follow it. */
export type JournalEntry =
  | { readonly kind: 'opened'; readonly intent: RunIntent }
  /** Written after the order exists; until then a crash costs nothing but an unused order. */
  | { readonly kind: 'order-created'; readonly orderUrl: Url }
  /** Written before anything is put anywhere. */
  | ({ readonly kind: 'presenting' } & Presented)
  /** All that was presented has been taken away again, or is among the left-overs. */
  | { readonly kind: 'cleaned' }
  | {
      readonly kind: 'failed'
      readonly code: string
      readonly message: string
      readonly hint?: string
      readonly retryAt?: Instant
      /** The type of the CA's problem document. */
      readonly problem?: string
    }

/** The fold of a run's entries. */
export type RunState = {
  readonly intent: RunIntent
  readonly openedAt: Instant
  readonly orderUrl?: Url
  /** What may still lie around. */
  readonly presented: readonly Presented[]
  readonly failure?: {
    readonly at: Instant
    readonly code: string
    readonly message: string
    readonly hint?: string
    readonly retryAt?: Instant
    readonly problem?: string
  }
  /** How many entries there are. */
  readonly length: number
}

const jsonObject = v.custom<Readonly<Record<string, Json>>>(
  value => typeof value === 'object' && value !== null && !Array.isArray(value),
  'is not an object',
)
/** Members of a {@link Presented} document. */
export const presentedFields = {
  solver: v.object({ name: v.string(), options: jsonObject }),
  provisions: v.array(jsonObject),
}
const at = { at: instantSchema }
const entrySchema = v.variant('kind', [
  v.object({
    ...at,
    kind: v.literal('opened'),
    intent: v.object({
      identifiers: v.array(identifierSchema),
      keyType: v.picklist(keyTypes),
      publicKeyHash: v.optional(v.string()),
      authority: v.string(),
      profile: v.optional(v.string()),
    }),
  }),
  v.object({ ...at, kind: v.literal('order-created'), orderUrl: urlSchema }),
  v.object({ ...at, kind: v.literal('presenting'), ...presentedFields }),
  v.object({ ...at, kind: v.literal('cleaned') }),
  v.object({
    ...at,
    kind: v.literal('failed'),
    code: v.string(),
    message: v.string(),
    hint: v.optional(v.string()),
    retryAt: v.optional(instantSchema),
    problem: v.optional(v.string()),
  }),
]) as v.GenericSchema<unknown, JournalEntry & { readonly at: Instant }> // absent members stay absent

/**
 * The unfinished run of a certificate, if there is one.
 * @throws AppError ERR_STORE, ERR_STORE_CORRUPT
 */
export async function readRun(
  state: string,
  name: SpecName,
  { files }: Pick<Runtime, 'files'>,
): Promise<RunState | undefined> {
  const directory = runsPath(state, name)
  const names = await storeStep(`list ${directory}`, () => files.list(directory))
  let run: RunState | undefined
  for (const file of names.filter(entry => /^\d{4}\.json$/.test(entry))) {
    const entry = await readDocument(`${directory}/${file}`, entrySchema, files)
    if (entry === undefined) continue // its run has just ended
    if (file !== entryFile((run?.length ?? 0) + 1))
      throw corrupt(directory, `an entry before ${file} is missing`)
    run = applyEntry(run, entry)
  }
  return run
}

/** The state of a run after one more entry. Pure. */
export function applyEntry(
  run: RunState | undefined,
  entry: JournalEntry & { readonly at: Instant },
): RunState | undefined {
  if (entry.kind === 'opened') return { intent: entry.intent, openedAt: entry.at, presented: [], length: 1 }
  if (run === undefined) return undefined
  const next = { ...run, length: run.length + 1 }
  switch (entry.kind) {
    case 'order-created':
      return { ...next, orderUrl: entry.orderUrl }
    case 'presenting':
      return {
        ...next,
        presented: [...run.presented, { solver: entry.solver, provisions: entry.provisions }],
      }
    case 'cleaned':
      return { ...next, presented: [] }
    case 'failed': {
      const { kind: _, ...failure } = entry
      return { ...next, failure }
    }
    default:
      return entry satisfies never
  }
}

/** Writes the next entry of a run; durable when it resolves. Two writers collide instead of mixing their entries. */
export async function appendEntry(
  state: string,
  name: SpecName,
  run: RunState | undefined,
  entry: JournalEntry,
  { files, clock }: Pick<Runtime, 'files' | 'clock'>,
): Promise<RunState> {
  const directory = runsPath(state, name)
  const now = clock.now()
  const next = applyEntry(run, { ...entry, at: now })
  if (next === undefined) throw new TypeError('a run begins with its opened entry')
  const file = `${directory}/${entryFile(next.length)}`
  const retryAt =
    entry.kind === 'failed' && entry.retryAt !== undefined ? { retryAt: formatInstant(entry.retryAt) } : {}
  await storeStep(`write the journal of ${name}`, async () => {
    if (run === undefined) await files.makeDirectory(directory, stateDirectoryMode)
    await files.writeNew(
      file,
      `${JSON.stringify({ at: formatInstant(now), ...entry, ...retryAt })}\n`,
      privateFileMode,
    )
  })
  return next
}

function entryFile(number: number): string {
  return `${String(number).padStart(4, '0')}.json`
}

/** The entry that records a failure. */
export function failedEntry(error: AppError): JournalEntry {
  const { code, message, hint, retryAt } = error
  const refusal = [error, error.cause].find(one => one instanceof AcmeProblemError)
  return {
    kind: 'failed',
    code,
    message,
    ...(hint !== undefined && { hint }),
    ...(retryAt !== undefined && { retryAt }),
    ...(refusal !== undefined && { problem: refusal.problem.type }),
  }
}

/** Keeps the private key of a run before anything is ordered with it. */
export async function saveRunKey(
  state: string,
  name: SpecName,
  pem: string,
  { files }: Pick<Runtime, 'files'>,
): Promise<void> {
  await storeStep(`write the new private key of ${name}`, () =>
    files.writeNew(`${runsPath(state, name)}/privkey.pem`, pem, privateFileMode),
  )
}

/** The private key of a run, if it was saved. */
export async function readRunKey(
  state: string,
  name: SpecName,
  { files }: Pick<Runtime, 'files'>,
): Promise<string | undefined> {
  const path = `${runsPath(state, name)}/privkey.pem`
  const content = await storeStep(`read ${path}`, () => files.read(path))
  return content === undefined ? undefined : new TextDecoder().decode(content)
}

/** Ends a run: nothing of it is left. `tidyUp` must have seen what it presented before. */
export async function removeRun(
  state: string,
  name: SpecName,
  { files }: Pick<Runtime, 'files'>,
): Promise<void> {
  const ended = endedRunPath(state, name)
  await storeStep(`remove the journal of ${name}`, async () => {
    await files.remove(ended) // of a process that was killed here
    if ((await files.facts(runsPath(state, name))) === undefined) return
    // By one rename: what is left of a journal half removed would be continued.
    await files.rename(runsPath(state, name), ended)
    await files.remove(ended)
  })
}

/** Moves whatever lies where the journal of a new run will be out of the way. */
export async function setRunAside(
  state: string,
  name: SpecName,
  { files, random }: Pick<Runtime, 'files' | 'random'>,
): Promise<void> {
  const directory = runsPath(state, name)
  await storeStep(`move ${directory} aside`, async () => {
    const names = await files.list(directory)
    // A process that died at its first entry leaves nothing that a person could look at.
    if (names.every(file => file.startsWith(temporaryPrefix))) return files.remove(directory)
    await files.makeDirectory(`${state}/quarantine`, stateDirectoryMode)
    return files.rename(directory, `${state}/quarantine/run-of-${name}-${random.id(6)}`)
  })
}
