/** Waiting for an instant in slices, so that a clock that is set and a machine that slept are noticed. Pure. */
import { type Instant, minuteMs, secondMs } from '../base/instant.ts'

/** No timer runs while a machine sleeps: after it has woken up, this much may pass until the clock is looked at. */
export const longestSliceMs = minuteMs
/** Two clocks that are further apart than this did not drift (500 ppm make two seconds in an hour): one was set, or slept. */
const jumpMs = 30 * secondMs

/** The two clocks at one moment. */
export type Moment = { readonly wall: Instant; readonly monotonicMs: number }

/** Sleep on, or wake up because it is time, or because the clock is not what it was. */
export type Slice =
  | { readonly kind: 'sleep'; readonly ms: number }
  | { readonly kind: 'wake'; readonly why: 'time' | 'clock' }

/**
 * What to do now while waiting for the wall clock to show `until`.
 * @param since - when the waiting began
 */
export function nextSlice(
  until: Instant,
  { since, now }: { readonly since: Moment; readonly now: Moment },
): Slice {
  const drift = now.wall - since.wall - (now.monotonicMs - since.monotonicMs)
  if (Math.abs(drift) > jumpMs) return { kind: 'wake', why: 'clock' }
  if (now.wall >= until) return { kind: 'wake', why: 'time' }
  return { kind: 'sleep', ms: Math.min(until - now.wall, longestSliceMs) }
}
