/** Points in time. */

declare const instantBrand: unique symbol

/** Milliseconds since 1970-01-01T00:00:00Z. */
export type Instant = number & { readonly [instantBrand]: true }

export const secondMs = 1_000
export const minuteMs = 60 * secondMs
export const hourMs = 60 * minuteMs
export const dayMs = 24 * hourMs

/** An {@link Instant} from epoch milliseconds. */
export function instant(epochMs: number): Instant {
  if (!Number.isFinite(epochMs)) throw new TypeError(`not a point in time: ${epochMs}`)
  return epochMs as Instant // checked above; the brand has no other maker
}

/** The instant `ms` milliseconds after `at` (before it, when negative). */
export function plusMs(at: Instant, ms: number): Instant {
  return instant(at + ms)
}

// RFC 3339 §5.6, with the offset mandatory.
const rfc3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$/

/** An {@link Instant} from RFC 3339 text, or `undefined` where the text is none. */
export function parseInstant(text: string): Instant | undefined {
  if (!rfc3339.test(text)) return undefined
  const epochMs = Date.parse(text.replace(' ', 'T'))
  return Number.isNaN(epochMs) ? undefined : instant(epochMs)
}

/** RFC 3339 text in UTC, to the second. */
export function formatInstant(at: Instant): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`
}
