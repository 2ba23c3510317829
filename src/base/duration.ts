/** Spans of time as text. */
import { AppError } from './errors.ts'
import { dayMs, hourMs, minuteMs, secondMs } from './instant.ts'

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
