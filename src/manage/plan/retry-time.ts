/** When something that failed is tried again. Pure. */
import type { AppError } from '../../base/errors.ts'
import { dayMs, type Instant, minuteMs, plusMs } from '../../base/instant.ts'
import type { FailedAttempts } from '../store/attempts.ts'

/** The steps that Let's Encrypt asks clients to take; after the last one it is tried once a day. */
export const retryLadderMs = [minuteMs, 10 * minuteMs, 100 * minuteMs, dayMs] as const
/** Of what lives for less than some weeks, no pause takes more than this share of the life. */
const longestShare = 1 / 20
/** A delay lies within this share around its step, so that what failed together is not tried together. */
const jitterShare = 0.1

export type FailureOptions = {
  readonly basis: string
  readonly now: Instant
  readonly fraction: number
  readonly lifetimeMs?: number | undefined
}

/**
 * One more failure.
 * @param earlier - failures so far; they count only when they were about the same thing
 * @param options - `fraction`: a random number from 0 up to 1; `lifetimeMs`: of the certificate that is waited for or used
 */
export function countFailure(
  error: AppError,
  earlier: FailedAttempts | undefined,
  { basis, now, fraction, lifetimeMs }: FailureOptions,
): FailedAttempts {
  const before = earlier?.basis === basis ? earlier : undefined
  const count = (before?.count ?? 0) + 1
  const own = plusMs(now, retryDelayMs(count, fraction, lifetimeMs))
  const { code, message, hint, retryAt } = error
  return {
    basis,
    count,
    since: before?.since ?? now,
    last: { at: now, code, message, ...(hint !== undefined && { hint }) },
    retryAt: retryAt !== undefined && retryAt > own ? retryAt : own,
    ...(retryAt !== undefined && { authorityRetryAt: retryAt }),
  }
}

/** The delay after the `count`th failure in a row, in milliseconds. */
export function retryDelayMs(count: number, fraction: number, lifetimeMs = Number.POSITIVE_INFINITY): number {
  const longest = Math.max(lifetimeMs * longestShare, minuteMs)
  const step = Math.min(retryLadderMs[Math.min(count, retryLadderMs.length) - 1] ?? dayMs, longest)
  return Math.round(step * (1 + jitterShare * (2 * fraction - 1)))
}
