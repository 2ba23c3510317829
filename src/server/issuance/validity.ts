/** From when to when a certificate is valid. */
import { hourMs, type Instant, instant, plusMs, secondMs } from '../../base/instant.ts'

/** Longest time by which certificates begin early, for clients whose clock is slow. */
const maxBackdateMs = hourMs
/** The share of the lifetime by which short-lived certificates begin early: an hour of a day. */
const backdateShare = 1 / 24

/**
 * The validity of a certificate issued at `now`.
 * @param lifetimeMs - from the first to the last valid second, both included (RFC 5280 §4.1.2.5)
 */
export function validityAt(
  now: Instant,
  lifetimeMs: number,
): { readonly notBefore: Instant; readonly notAfter: Instant } {
  const backdateMs = Math.min(maxBackdateMs, lifetimeMs * backdateShare)
  const notBefore = instant(Math.floor((now - backdateMs) / secondMs) * secondMs) // certificates know whole seconds
  return { notBefore, notAfter: plusMs(notBefore, lifetimeMs - secondMs) }
}
