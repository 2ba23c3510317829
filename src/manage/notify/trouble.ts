/** What is remembered of a certificate that is in trouble, so that the same is not told again and again. */
import { instantSchema } from '../../acme/wire.ts'
import { formatInstant, type Instant } from '../../base/instant.ts'
import { v } from '../../base/schema.ts'
import { type Urgency, urgencies } from '../../contracts/notifier.ts'
import type { FailureKind } from './cause.ts'
import { type Stage, stages } from './stage.ts'

/** The last failure, and since when there is one. */
export type Failure = {
  readonly kind: FailureKind
  readonly code: string
  /** Equal for equal causes. */
  readonly signature: string
  readonly cause: string
  readonly advice?: string
  readonly nextAttemptAt?: Instant
  /** The first failed attempt in a row. */
  readonly since: Instant
  readonly attempts: number
}

/** One certificate from its first failure to its recovery. */
export type Trouble = {
  readonly name: string
  readonly failure?: Failure
  /** The last stage that was told, `far` where none was. */
  readonly stage: Stage
  readonly stageToldAt?: Instant
  /** Causes that were told, each with the last time. */
  readonly told: readonly { readonly signature: string; readonly at: Instant }[]
  /** The highest that was told; absent while nobody was told anything. */
  readonly urgency?: Urgency
}

/** A trouble as JSON. */
export function troubleJson({
  failure,
  stageToldAt,
  told,
  ...rest
}: Trouble): Readonly<Record<string, unknown>> {
  return {
    ...rest,
    ...(failure !== undefined && {
      failure: {
        ...failure,
        since: formatInstant(failure.since),
        ...(failure.nextAttemptAt !== undefined && { nextAttemptAt: formatInstant(failure.nextAttemptAt) }),
      },
    }),
    ...(stageToldAt !== undefined && { stageToldAt: formatInstant(stageToldAt) }),
    told: told.map(({ signature, at }) => ({ signature, at: formatInstant(at) })),
  }
}

/** Schema of what {@link troubleJson} makes. @internal */
export const troubleSchema = v.object({
  name: v.string(),
  failure: v.optional(
    v.object({
      kind: v.picklist(['failed', 'deploy-not-effective', 'action-needed']),
      code: v.string(),
      signature: v.string(),
      cause: v.string(),
      advice: v.optional(v.string()),
      nextAttemptAt: v.optional(instantSchema),
      since: instantSchema,
      attempts: v.number(),
    }),
  ),
  stage: v.picklist(stages),
  stageToldAt: v.optional(instantSchema),
  told: v.array(v.object({ signature: v.string(), at: instantSchema })),
  urgency: v.optional(v.picklist(urgencies)),
}) as v.GenericSchema<unknown, Trouble> // absent members stay absent
