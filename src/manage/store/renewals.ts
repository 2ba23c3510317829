/** When a certificate is to be renewed, as far as it was drawn or advised: written once, read by everybody. */
import { instantSchema } from '../../acme/wire.ts'
import { formatInstant, type Instant } from '../../base/instant.ts'
import { v } from '../../base/schema.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { RenewAt, SpecName } from '../spec.ts'
import { readDocument, storeStep, writeDocument } from './documents.ts'
import { renewalPath, renewalsPath, stateDirectoryMode } from './paths.ts'

/** What the CA advises (RFC 9773), and the time that was drawn from it. */
export type RenewalAdvice = {
  readonly start: Instant
  readonly end: Instant
  /** Drawn once; drawn again only where the window moves away from it. */
  readonly selectedAt: Instant
  readonly explanationUrl?: string
}

/** All that was settled about the renewal of one certificate. */
export type RenewalRecord = {
  /** The leaf that this is about, by its SHA-256. */
  readonly fingerprint: string
  /** From 0 up to 1: spreads renewals that would fall on the same instant. */
  readonly draw: number
  /** What the configuration said, for readers who do not load it. */
  readonly at?: RenewAt
  readonly advice?: RenewalAdvice
  /** When the CA is asked again; never, where absent. */
  readonly checkAgainAt?: Instant
}

const recordSchema = v.object({
  fingerprint: v.string(),
  draw: v.pipe(v.number(), v.minValue(0), v.maxValue(1)),
  at: v.optional(v.union([v.object({ share: v.number() }), v.object({ beforeMs: v.number() })])),
  advice: v.optional(
    v.object({
      start: instantSchema,
      end: instantSchema,
      selectedAt: instantSchema,
      explanationUrl: v.optional(v.string()),
    }),
  ),
  checkAgainAt: v.optional(instantSchema),
}) as v.GenericSchema<unknown, RenewalRecord> // absent members stay absent

/**
 * What was settled, if anything was.
 * @throws AppError ERR_STORE, ERR_STORE_CORRUPT
 */
export function readRenewal(
  state: string,
  name: SpecName,
  { files }: Pick<Runtime, 'files'>,
): Promise<RenewalRecord | undefined> {
  return readDocument(renewalPath(state, name), recordSchema, files)
}

/**
 * Writes it over what was there before.
 * @throws AppError ERR_STORE
 */
export async function writeRenewal(
  state: string,
  name: SpecName,
  { advice, checkAgainAt, ...rest }: RenewalRecord,
  { files }: Pick<Runtime, 'files'>,
): Promise<void> {
  const directory = renewalsPath(state)
  await storeStep(`create ${directory}`, () => files.makeDirectory(directory, stateDirectoryMode))
  const json = {
    ...rest,
    ...(advice && {
      advice: {
        ...advice,
        start: formatInstant(advice.start),
        end: formatInstant(advice.end),
        selectedAt: formatInstant(advice.selectedAt),
      },
    }),
    ...(checkAgainAt !== undefined && { checkAgainAt: formatInstant(checkAgainAt) }),
  }
  await writeDocument(renewalPath(state, name), json, files)
}

/** Forgets what was settled about a certificate. */
export async function removeRenewal(
  state: string,
  name: SpecName,
  { files }: Pick<Runtime, 'files'>,
): Promise<void> {
  await storeStep(`remove ${renewalPath(state, name)}`, () => files.remove(renewalPath(state, name)))
}
