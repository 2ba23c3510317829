/** Points in time and spans of time. */
import { AppError } from './errors.ts'

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

const unitMs = { ms: 1, s: secondMs, min: minuteMs, m: minuteMs, h: hourMs, d: dayMs, w: 7 * dayMs } as const

/**
 * Milliseconds from text such as `30 d`, `12h`, `90 min`.
 * @throws AppError ERR_FORMAT
 */
export function parseDurationMs(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|min|m|h|d|w)$/.exec(text.trim())
  const [, amount, unit] = match ?? []
  if (amount === undefined || unit === undefined) {
    throw new AppError('ERR_FORMAT', `"${text}" is not a duration`, {
      hint: 'write it like 30 d, 12 h or 90 s',
    })
  }
  return Number(amount) * unitMs[unit as keyof typeof unitMs] // the pattern admits only these units
}

/** A span for people, in its largest sensible unit: `59 d`, `23 h`, `5 min`, `12 s`. */
export function formatDuration(ms: number): string {
  const span = Math.abs(ms)
  if (span >= 2 * dayMs) return `${Math.floor(span / dayMs)} d`
  if (span >= 2 * hourMs) return `${Math.floor(span / hourMs)} h`
  if (span >= 2 * minuteMs) return `${Math.floor(span / minuteMs)} min`
  if (span >= 10 * secondMs) return `${Math.floor(span / secondMs)} s`
  return `${(span / secondMs).toFixed(1)} s`
}
