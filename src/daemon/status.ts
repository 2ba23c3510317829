/** What a daemon says of itself, and asking one for it. */
import { instantSchema } from '../acme/wire.ts'
import { AppError } from '../base/errors.ts'
import { formatInstant, type Instant } from '../base/instant.ts'
import { describeIssues, parseWith, v } from '../base/schema.ts'
import type { Runtime } from '../runtime/runtime.ts'

/** What it is doing: `looking` at everything, `applying` what is due, `reloading` the configuration. */
export const phases = ['starting', 'looking', 'applying', 'reloading', 'waiting', 'stopping'] as const
export type Phase = (typeof phases)[number]

/** A failure as it is shown. */
export type ShownError = { readonly code: string; readonly message: string; readonly hint?: string }

export type DaemonStatus = {
  readonly pid: number
  readonly version: string
  readonly since: Instant
  readonly phase: Phase
  /** Absent before the first look has ended. */
  readonly nextLookAt?: Instant
  readonly lastLook?: { readonly at: Instant; readonly error?: ShownError }
  /** The last time that something was due. */
  readonly lastApply?: {
    readonly at: Instant
    /** Certificates that were obtained or delivered. */
    readonly changed: number
    /** Certificates for which that failed or was refused. */
    readonly failed: number
  }
  readonly configuration: {
    readonly readAt: Instant
    readonly certificates: number
    /** Why the files as they are now are not in use. */
    readonly error?: ShownError
  }
  /** Why metrics cannot be had. */
  readonly metricsError?: ShownError
}

/** Where the daemon of a state directory answers. */
export const daemonSocketPath = (state: string) => `${state}/daemon.sock`

const shownErrorSchema = v.object({ code: v.string(), message: v.string(), hint: v.optional(v.string()) })
const statusSchema = v.object({
  pid: v.number(),
  version: v.string(),
  since: instantSchema,
  phase: v.picklist(phases),
  nextLookAt: v.optional(instantSchema),
  lastLook: v.optional(v.object({ at: instantSchema, error: v.optional(shownErrorSchema) })),
  lastApply: v.optional(v.object({ at: instantSchema, changed: v.number(), failed: v.number() })),
  configuration: v.object({
    readAt: instantSchema,
    certificates: v.number(),
    error: v.optional(shownErrorSchema),
  }),
  metricsError: v.optional(shownErrorSchema),
}) as v.GenericSchema<unknown, DaemonStatus> // absent members stay absent

/** The JSON form: times as RFC 3339 text. */
export function daemonStatusJson(status: DaemonStatus): Record<string, unknown> {
  const { since, nextLookAt, lastLook, lastApply, configuration, ...rest } = status
  return {
    ...rest,
    since: formatInstant(since),
    ...(nextLookAt !== undefined && { nextLookAt: formatInstant(nextLookAt) }),
    ...(lastLook && { lastLook: { ...lastLook, at: formatInstant(lastLook.at) } }),
    ...(lastApply && { lastApply: { ...lastApply, at: formatInstant(lastApply.at) } }),
    configuration: { ...configuration, readAt: formatInstant(configuration.readAt) },
  }
}

/**
 * What the daemon of a state directory says of itself.
 * @returns `undefined` where none runs
 * @throws AppError ERR_NETWORK, ERR_TIMEOUT, ERR_REPLY_INVALID when something is there and does not answer as it should
 */
export async function daemonStatus(
  state: string,
  { localHttp }: Pick<Runtime, 'localHttp'>,
): Promise<DaemonStatus | undefined> {
  const reply = await localHttp.ask(daemonSocketPath(state), { method: 'GET', path: '/status' })
  if (reply === undefined) return undefined
  const parsed = parseWith(statusSchema, jsonOf(reply.body))
  if (parsed.ok) return parsed.value
  throw new AppError(
    'ERR_REPLY_INVALID',
    `${daemonSocketPath(state)} answers ${reply.status} and no status: ${describeIssues(parsed.issues)}`,
    { hint: 'restart the daemon where it is of another version' },
  )
}

/**
 * Tells the daemon of a state directory that something may have changed.
 * @returns whether there is one; never throws
 */
export async function tellDaemon(state: string, { localHttp }: Pick<Runtime, 'localHttp'>): Promise<boolean> {
  const asked = localHttp.ask(daemonSocketPath(state), { method: 'POST', path: '/apply' })
  return (await asked.catch(() => undefined)) !== undefined // it looks by itself within the hour
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // which no schema takes
  }
}
