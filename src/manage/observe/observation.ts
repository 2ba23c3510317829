/** What is, as opposed to what is wanted. */
import type { AppError } from '../../base/errors.ts'
import { type Instant, instant } from '../../base/instant.ts'
import type { SpecName } from '../spec.ts'
import type { Attempts } from '../store/attempts.ts'
import type { Deployment } from '../store/deployments.ts'
import type { HookRecord } from '../store/hooks.ts'
import type { RenewalRecord } from '../store/renewals.ts'
import type { RunState } from '../store/runs.ts'
import type { StoredCertificate } from '../store/stored-certificate.ts'
import type { ChangedCopy } from './copies.ts'
import type { EndpointResult } from './endpoint-result.ts'

/** Records that would stay damaged; a delivery replaces those of deliveries, and settling that of the renewal. */
export type LonelyRecord = 'run' | 'attempts' | 'hooks'

/** One certificate as the store holds it. */
export type CertificateView = {
  readonly name: SpecName
  /** Oldest first; damaged generations are not among them. */
  readonly generations: readonly StoredCertificate[]
  /** What lies there and cannot be used: generations, a journal, records of deliveries. */
  readonly damaged: readonly AppError[]
  /** Those of them that are about records which no later step replaces. */
  readonly lonelyDamage?: readonly { readonly record: LonelyRecord; readonly error: AppError }[]
  /** The generation that `live/<name>` leads to, if it is whole. */
  readonly live?: StoredCertificate
  /** A rehearsal is under way, or was interrupted: servers may show its certificate. */
  readonly rehearsal?: true
  readonly run?: RunState
  /** A run whose certificate is stored already: its process died before it had removed the journal. */
  readonly endedRun?: RunState
  readonly deployments: readonly Deployment[]
  /** What was settled about its renewal; perhaps about an earlier certificate. */
  readonly renewal?: RenewalRecord
  /** What failed since the last success. */
  readonly attempts: Attempts
  /** How far the hooks after a delivery have come. */
  readonly hooks?: HookRecord
  /** Copies of the newest generation that somebody changed, where they were looked at. */
  readonly changedCopies?: readonly ChangedCopy[]
  /** What its endpoints serve at this moment, where they were asked. */
  readonly endpoints?: readonly EndpointResult[]
}

/** The newest whole generation. */
export function newest({ generations }: Pick<CertificateView, 'generations'>): StoredCertificate | undefined {
  return generations.at(-1)
}

/**
 * The generation to return to when the delivery of `next` fails: the live one. Where a process died after it had switched to
 * `next`, it is the one that was last seen at a server, or, when `next` has failed before, the one before it.
 */
export function generationBefore(
  next: string,
  { live, generations, deployments }: Pick<CertificateView, 'live' | 'generations' | 'deployments'>,
): string | undefined {
  if (live?.generation !== next) return live?.generation
  const seen = deployments.filter(({ generation, failure }) => generation !== next && failure === undefined)
  const ofNext = deployments.filter(({ generation }) => generation === next)
  const hasFailed =
    ofNext.length > 0 && ofNext.every(({ failure, goodAt }) => failure !== undefined && goodAt === undefined)
  const ids = generations.map(({ generation }) => generation)
  const before = hasFailed ? ids[ids.indexOf(next) - 1] : undefined
  return seen.map(({ generation }) => generation).find(id => ids.includes(id)) ?? before
}

/** The latest instant that anything of this certificate was written at. */
export function latestKnown({ generations, deployments, attempts }: CertificateView): Instant | undefined {
  const times = [
    ...generations.map(({ storedAt }) => storedAt),
    ...deployments.map(({ at }) => at),
    ...[attempts.issuance, attempts.delivery].flatMap(failed => failed?.last.at ?? []),
  ]
  return times.length === 0 ? undefined : instant(Math.max(...times))
}
