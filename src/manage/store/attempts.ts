/** What failed, how often, and when it is tried again: kept across restarts, gone with the first success. */
import { instantSchema } from '../../acme/wire.ts'
import { formatInstant, type Instant } from '../../base/instant.ts'
import { v } from '../../base/schema.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { SpecName } from '../spec.ts'
import { readDocument, storeStep, writeDocument } from './documents.ts'
import { attemptsDirectory, attemptsPath, stateDirectoryMode } from './paths.ts'

/** Failures in a row of one thing. */
export type FailedAttempts = {
  /** What was wanted then: after a change of the configuration they say nothing any more. */
  readonly basis: string
  readonly count: number
  readonly since: Instant
  readonly last: {
    readonly at: Instant
    readonly code: string
    readonly message: string
    readonly hint?: string
  }
  /** Not before. */
  readonly retryAt: Instant
  /** The CA's own word; never after `retryAt`. */
  readonly authorityRetryAt?: Instant
}

/** A certificate is obtained and delivered; each fails for itself. */
export type Attempts = { readonly issuance?: FailedAttempts; readonly delivery?: FailedAttempts }

const failedSchema = v.object({
  basis: v.string(),
  count: v.pipe(v.number(), v.integer(), v.minValue(1)),
  since: instantSchema,
  last: v.object({
    at: instantSchema,
    code: v.string(),
    message: v.string(),
    hint: v.optional(v.string()),
  }),
  retryAt: instantSchema,
  authorityRetryAt: v.optional(instantSchema),
})
const attemptsSchema = v.object({
  issuance: v.optional(failedSchema),
  delivery: v.optional(failedSchema),
}) as v.GenericSchema<unknown, Attempts> // absent members stay absent

/**
 * What failed of a certificate.
 * @throws AppError ERR_STORE, ERR_STORE_CORRUPT
 */
export async function readAttempts(
  state: string,
  name: SpecName,
  { files }: Pick<Runtime, 'files'>,
): Promise<Attempts> {
  return (await readDocument(attemptsPath(state, name), attemptsSchema, files)) ?? {}
}

/**
 * Writes them; without any, nothing is left on disk.
 * @throws AppError ERR_STORE
 */
export async function writeAttempts(
  state: string,
  name: SpecName,
  { issuance, delivery }: Attempts,
  { files }: Pick<Runtime, 'files'>,
): Promise<void> {
  const path = attemptsPath(state, name)
  if (issuance === undefined && delivery === undefined) {
    await storeStep(`remove ${path}`, () => files.remove(path))
    return
  }
  const directory = attemptsDirectory(state)
  await storeStep(`create ${directory}`, () => files.makeDirectory(directory, stateDirectoryMode))
  await writeDocument(
    path,
    {
      ...(issuance && { issuance: attemptsJson(issuance) }),
      ...(delivery && { delivery: attemptsJson(delivery) }),
    },
    files,
  )
}

/** The JSON form: times as RFC 3339 text. */
export function attemptsJson({
  since,
  retryAt,
  authorityRetryAt,
  last,
  ...rest
}: FailedAttempts): Record<string, unknown> {
  return {
    ...rest,
    since: formatInstant(since),
    last: { ...last, at: formatInstant(last.at) },
    retryAt: formatInstant(retryAt),
    ...(authorityRetryAt !== undefined && { authorityRetryAt: formatInstant(authorityRetryAt) }),
  }
}
