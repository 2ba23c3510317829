/** The Retry-After header (RFC 9110 §10.2.3). */
import { dayMs, type Instant, instant, plusMs, secondMs } from '../base/instant.ts'

/** Shortest and longest wait that is believed. */
export const retryAfterRangeMs = { min: secondMs, max: dayMs } as const

/**
 * The time a Retry-After header names, as seconds or as an HTTP date.
 * @returns a time between one second and one day after `now`, or `undefined` where the header says nothing usable
 */
export function parseRetryAfter(header: string | undefined, now: Instant): Instant | undefined {
  if (header === undefined) return undefined
  const text = header.trim()
  const at = /^\d{1,10}$/.test(text) ? plusMs(now, Number(text) * secondMs) : parseHttpDate(text)
  if (at === undefined) return undefined
  return instant(Math.min(Math.max(at, now + retryAfterRangeMs.min), now + retryAfterRangeMs.max))
}

/** An {@link Instant} from an HTTP date (RFC 9110 §5.6.7), or `undefined` where the text is none. */
export function parseHttpDate(text: string): Instant | undefined {
  if (!/^[A-Z][a-z]{2,8},? /.test(text)) return undefined
  const epochMs = Date.parse(text)
  return Number.isNaN(epochMs) ? undefined : instant(epochMs)
}
