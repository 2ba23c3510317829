/** When to renew, as people write it. Pure. */

import { formatDuration, parseDurationMs } from '../../base/duration.ts'
import { AppError } from '../../base/errors.ts'
import type { MaintenanceWindow, RenewAt } from '../spec.ts'

const dayNames = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const
const minutesOfDay = 24 * 60

/**
 * `30 d` before the end, or a share of the life that is left: `1/3`, `33 %`.
 * @throws AppError ERR_FORMAT
 */
export function parseRenewAt(text: string): RenewAt {
  const trimmed = text.trim()
  const [, percent] = /^(\d+(?:\.\d+)?)\s*%$/.exec(trimmed) ?? []
  const [, part, whole] = /^(\d+)\s*\/\s*(\d+)$/.exec(trimmed) ?? []
  if (percent === undefined && part === undefined) return { beforeMs: parseDurationMs(trimmed) }
  const share = percent === undefined ? Number(part) / Number(whole) : Number(percent) / 100
  if (share > 0 && share < 1) return { share }
  throw new AppError('ERR_FORMAT', `"${text}" is not a share between nothing and the whole life`)
}

/** Text that {@link parseRenewAt} takes. */
export function formatRenewAt(at: RenewAt): string {
  return 'share' in at ? `${Number((at.share * 100).toFixed(2))} %` : formatDuration(at.beforeMs)
}

/** Whether {@link parseRenewAt} takes it. */
export function isRenewAt(text: string): boolean {
  return succeeds(() => parseRenewAt(text))
}

/**
 * Days and times: `mon-fri 02:00-05:00`, `sat,sun 22:00-04:00`, or `02:00-05:00` for every day.
 * @throws AppError ERR_FORMAT
 */
export function parseWindow(text: string): MaintenanceWindow {
  const wrong = () => new AppError('ERR_FORMAT', `"${text}" is not a maintenance window`)
  const match = /^(?:([a-z,\s-]+)\s)?\s*(\d\d?):(\d\d)\s*-\s*(\d\d?):(\d\d)$/.exec(text.trim().toLowerCase())
  if (match === null) throw wrong()
  const [, days = 'sun-sat', fromHour, fromMinute, toHour, toMinute] = match
  const from = Number(fromHour) * 60 + Number(fromMinute)
  const to = Number(toHour) * 60 + Number(toMinute)
  if (
    Number(fromMinute) > 59 ||
    Number(toMinute) > 59 ||
    from >= minutesOfDay ||
    to > minutesOfDay ||
    from === to
  )
    throw wrong()
  return { days: parseDays(days, wrong), fromMinute: from, toMinute: to }
}

/** Text that {@link parseWindow} takes. */
export function formatWindow({ days, fromMinute, toMinute }: MaintenanceWindow): string {
  const two = (count: number) => String(count).padStart(2, '0')
  const time = (minute: number) => `${two(Math.floor(minute / 60))}:${two(minute % 60)}`
  return `${days.map(day => dayNames[day]).join(',')} ${time(fromMinute)}-${time(toMinute)}`
}

/** Whether {@link parseWindow} takes it. */
export function isWindow(text: string): boolean {
  return succeeds(() => parseWindow(text))
}

/** Whether this is the IANA name of a time zone that Node knows. */
export function isTimeZone(name: string): boolean {
  return succeeds(() => new Intl.DateTimeFormat('en', { timeZone: name }))
}

function parseDays(text: string, wrong: () => AppError): readonly number[] {
  const day = (name: string): number => {
    const index = dayNames.findIndex(known => known === name.trim())
    if (index < 0) throw wrong()
    return index
  }
  const days = text.split(',').flatMap(part => {
    const [first = '', last] = part.split('-')
    if (last === undefined) return [day(first)]
    const from = day(first)
    const count = ((day(last) - from + 7) % 7) + 1
    return Array.from({ length: count }, (_, index) => (from + index) % 7)
  })
  return [...new Set(days)].sort((one, other) => one - other)
}

function succeeds(attempt: () => unknown): boolean {
  try {
    attempt()
    return true
  } catch {
    return false
  }
}
