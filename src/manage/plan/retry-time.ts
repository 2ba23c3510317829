/** When something that failed is tried again. Pure. */
import type { AppError } from '../../base/errors.ts'
import { dayMs, type Instant, minuteMs, plusMs } from '../../base/instant.ts'
import type { FailedAttempts } from '../store/attempts.ts'

/** The steps that Let's Encrypt asks clients to take; after the last one it is tried once a day. */
export const retryLadderMs = [minuteMs, 10 * minuteMs, 100 * minuteMs, dayMs] as const
/** A delay lies within this share around its step, so that what failed together is not tried together. */
const jitterShare = 0.1

/**
 * One more failure.
 * @param earlier - failures so far; they count only when they were about the same thing
 * @param fraction - a random number from 0 up to 1
 */
export function countFailure(
  error: AppError,
  earlier: FailedAttempts | undefined,
  { basis, now, fraction }: { readonly basis: string; readonly now: Instant; readonly fraction: number },
): FailedAttempts {
  const before = earlier?.basis === basis ? earlier : undefined
  const count = (before?.count ?? 0) + 1
  const own = plusMs(now, retryDelayMs(count, fraction))
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
export function retryDelayMs(count: number, fraction: number): number {
  const step = retryLadderMs[Math.min(count, retryLadderMs.length) - 1] ?? dayMs
  return Math.round(step * (1 + jitterShare * (2 * fraction - 1)))
}
