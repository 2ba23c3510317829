/**
 * Token buckets. The state of one is a single instant, the one at which it will be full again; in the past, or absent,
 * it is full now (the generic cell rate algorithm).
 */
import { type Instant, instant, plusMs } from '../../base/instant.ts'
import type { LimitSize } from './limit.ts'

/** The state after one token was taken, whether or not there was one. */
export function take(fullAt: Instant | undefined, { refillMs }: LimitSize, now: Instant): Instant {
  return plusMs(later(fullAt ?? now, now), refillMs)
}

/** The first time from `now` on at which there is a token. */
export function availableAt(
  fullAt: Instant | undefined,
  { capacity, refillMs }: LimitSize,
  now: Instant,
): Instant {
  if (fullAt === undefined) return now
  return later(plusMs(fullAt, -(capacity - 1) * refillMs), now)
}

/** The state after a token that was taken at `takenAt` turned out not to be needed. */
export function giveBack(
  fullAt: Instant | undefined,
  { refillMs }: LimitSize,
  { takenAt, now }: { readonly takenAt: Instant; readonly now: Instant },
): Instant | undefined {
  // After the time of a refill the bucket may have been full in between, and would get more than it lost.
  if (fullAt === undefined || now - takenAt >= refillMs) return fullAt
  return plusMs(fullAt, -refillMs)
}

/**
 * The state after a token that was taken at `takenAt` was counted by the CA only at `now`. Never fuller than the CA's
 * own bucket: each such token shifts what follows by its delay, or costs another one where the delay is longer than a
 * refill.
 */
export function postpone(
  fullAt: Instant | undefined,
  size: LimitSize,
  { takenAt, now }: { readonly takenAt: Instant; readonly now: Instant },
): Instant {
  const delayMs = Math.max(now - takenAt, 0)
  return fullAt === undefined || delayMs >= size.refillMs ? take(fullAt, size, now) : plusMs(fullAt, delayMs)
}

/** The state in which there is no token before `until`. */
export function emptyUntil(
  fullAt: Instant | undefined,
  { capacity, refillMs }: LimitSize,
  until: Instant,
): Instant {
  return later(fullAt ?? until, plusMs(until, (capacity - 1) * refillMs))
}

function later(a: Instant, b: Instant): Instant {
  return instant(Math.max(a, b))
}
