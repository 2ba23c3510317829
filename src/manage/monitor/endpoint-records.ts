/** What was seen at the monitored endpoints when they were looked at last. */
import { instantSchema } from '../../acme/wire.ts'
import { formatInstant, type Instant } from '../../base/instant.ts'
import { v } from '../../base/schema.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { type LookFinding, lookProblems } from '../observe/judge-look.ts'
import { readDocument, storeStep, writeDocument } from '../store/documents.ts'
import { stateDirectoryMode } from '../store/paths.ts'

/** One address, and one kind of key where there are two certificates. */
export type LookRecord = {
  /** `mail.example.com at imap://192.0.2.25:143`. */
  readonly where: string
  /** SHA-256 of the leaf, lower-case hex; absent where nothing was seen. */
  readonly fingerprint?: string
  readonly notAfter?: Instant
  /** The worst first. */
  readonly findings: readonly LookFinding[]
}

export type EndpointRecord = {
  /** The endpoint's name: its text. */
  readonly endpoint: string
  readonly at: Instant
  readonly looks: readonly LookRecord[]
}

const endpointsPath = (state: string) => `${state}/endpoints.json`

const findingSchema = v.object({
  kind: v.picklist(lookProblems),
  level: v.picklist(['wrong', 'note']),
  text: v.string(),
  hint: v.optional(v.string()),
})
const recordsSchema = v.array(
  v.object({
    endpoint: v.string(),
    at: instantSchema,
    looks: v.array(
      v.object({
        where: v.string(),
        fingerprint: v.optional(v.string()),
        notAfter: v.optional(instantSchema),
        findings: v.array(findingSchema),
      }),
    ),
  }),
) as v.GenericSchema<unknown, readonly EndpointRecord[]> // absent members stay absent

/**
 * What was seen last, in the order of the configuration of that time.
 * @throws AppError ERR_STORE, ERR_STORE_CORRUPT
 */
export async function readEndpointRecords(
  state: string,
  { files }: Pick<Runtime, 'files'>,
): Promise<readonly EndpointRecord[]> {
  return (await readDocument(endpointsPath(state), recordsSchema, files)) ?? []
}

/**
 * Replaces what was seen before.
 * @throws AppError ERR_STORE
 */
export async function writeEndpointRecords(
  state: string,
  records: readonly EndpointRecord[],
  { files }: Pick<Runtime, 'files'>,
): Promise<void> {
  await storeStep(`create ${state}`, () => files.makeDirectory(state, stateDirectoryMode))
  await writeDocument(endpointsPath(state), records.map(endpointRecordJson), files)
}

/** A record as JSON: times as RFC 3339 text. */
export function endpointRecordJson({ at, looks, ...rest }: EndpointRecord): Record<string, unknown> {
  return {
    ...rest,
    at: formatInstant(at),
    looks: looks.map(({ notAfter, ...look }) => ({
      ...look,
      ...(notAfter !== undefined && { notAfter: formatInstant(notAfter) }),
    })),
  }
}
