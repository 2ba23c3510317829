/** Reading what a CA says when a limit is reached. */
import { dayMs, hourMs, type Instant, instant, parseInstant, plusMs } from '../../base/instant.ts'
import type { LimitName } from './limit.ts'

/** What a refusal teaches. */
export type Refusal = {
  /** Absent where the text names no limit that we know. */
  readonly limit?: LimitName
  /** The name in the text; absent where the limit has none. */
  readonly subject?: string
  readonly until: Instant
}

/** How Let's Encrypt words its limits; what stands in quotes is the domain or name that is meant. */
const wordings: readonly { readonly limit: LimitName; readonly about: RegExp }[] = [
  { limit: 'new-accounts', about: /too many new registrations/i },
  { limit: 'new-orders', about: /too many new orders/i },
  { limit: 'certificates-per-set', about: /too many certificates .*exact set/i },
  { limit: 'certificates-per-domain', about: /too many certificates .*already issued for "([^"]{1,253})"/i },
  { limit: 'failed-validations', about: /too many failed authorizations .*for "([^"]{1,253})"/i },
]

/** The longest period of a published limit; a later time is not believed. */
export const longestWaitMs = 7 * dayMs
/** Where no time is given: a name that was paused waits for a person, a busy CA for less. */
const usualWaitMs = hourMs

/** What the CA says in one or two sentences; the rest of a longer text is not looked at. */
const maxDetailLength = 1_000

/** What the text of a refusal says. The time in it is preferred: Retry-After is believed for a day at most. */
export function readRefusal(
  detail: string,
  { retryAt, now }: { readonly retryAt: Instant | undefined; readonly now: Instant },
): Refusal {
  const text = detail.slice(0, maxDetailLength)
  const named = timeIn(text) ?? retryAt ?? plusMs(now, usualWaitMs)
  const until = instant(Math.min(Math.max(named, now), now + longestWaitMs))
  for (const { limit, about } of wordings) {
    const match = about.exec(text)
    const [, subject] = match ?? []
    if (match !== null) return { limit, ...(subject !== undefined && { subject }), until }
  }
  return { until }
}

function timeIn(detail: string): Instant | undefined {
  const [, day, time] = /retry after (\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) UTC/.exec(detail) ?? []
  return day === undefined || time === undefined ? undefined : parseInstant(`${day}T${time}Z`)
}
