/** When the next look is taken. Pure. */
import { type Backoff, backoffMs } from '../base/backoff.ts'
import { hourMs, type Instant, minuteMs, plusMs, secondMs } from '../base/instant.ts'

/** How often endpoints are looked at, also when nothing is due: what else they serve is found within this time. */
export const endpointCheckMs = hourMs
/** Between looks that found something due right after it should have been done: a fault of ours or of a CA is no storm. */
const stalled: Backoff = {
  firstMs: 5 * secondMs,
  factor: 2,
  maxMs: 10 * minuteMs,
  attempts: Number.POSITIVE_INFINITY,
}

export type Pace = {
  readonly now: Instant
  /** When there is something to do; absent where nothing is to come. */
  readonly wakeAt: Instant | undefined
  /** How many looks in a row ended with something that was still due, or failed. */
  readonly stalls: number
  /** A random number from 0 up to 1. */
  readonly fraction: number
  readonly checkEveryMs: number
}

/** The instant of the next look. */
export function nextLook({ now, wakeAt, stalls, fraction, checkEveryMs }: Pace): Instant {
  if (stalls > 0) return plusMs(now, Math.min(backoffMs(stalled, stalls, fraction), checkEveryMs))
  const latest = plusMs(now, checkEveryMs)
  if (wakeAt === undefined || wakeAt > latest) return latest
  return wakeAt > now ? wakeAt : now
}
