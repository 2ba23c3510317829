/** Maintenance windows: when something may be done that can wait. Pure. */
import { dayMs, type Instant, instant, minuteMs, plusMs } from '../../base/instant.ts'
import type { MaintenanceWindow } from '../spec.ts'

/** Windows come back every week; one more day for those that are under way. */
const horizonDays = 8

/**
 * The first instant, not before `now`, that lies in one of the windows.
 * @param timeZone - IANA name; the machine's own when absent
 * @returns `now` where it lies in a window or there is none
 */
export function nextInWindow(
  windows: readonly MaintenanceWindow[],
  now: Instant,
  timeZone: string | undefined,
): Instant {
  if (windows.length === 0) return now
  const local = localClock(timeZone)
  const today = Math.floor(local(now) / dayMs) * dayMs
  const spans = windows.flatMap(({ days, fromMinute, toMinute }) => {
    const lengthMs = ((toMinute - fromMinute + minutesOfDay) % minutesOfDay || minutesOfDay) * minuteMs
    return Array.from({ length: horizonDays + 1 }, (_, index) => today + (index - 1) * dayMs)
      .filter(day => days.includes(new Date(day).getUTCDay()))
      .map(day => {
        const from = fromLocal(day + fromMinute * minuteMs, local)
        return { from, to: plusMs(from, lengthMs) }
      })
  })
  if (spans.some(({ from, to }) => from <= now && now < to)) return now
  const later = spans.map(({ from }) => from).filter(from => from > now)
  return later.length === 0 ? now : instant(Math.min(...later))
}

const minutesOfDay = 24 * 60

/** Epoch milliseconds to the clock on the wall there, read as if it were UTC. */
function localClock(timeZone: string | undefined): (at: number) => number {
  const format = new Intl.DateTimeFormat('en-US', {
    ...(timeZone !== undefined && { timeZone }),
    ...{ year: 'numeric', month: 'numeric', day: 'numeric' },
    ...{ hour: 'numeric', minute: 'numeric', second: 'numeric', hourCycle: 'h23' },
  })
  return at => {
    const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]))
    const [year = 0, month = 1, day = 1] = [parts.get('year'), parts.get('month'), parts.get('day')]
    const [hour, minute, second] = [parts.get('hour'), parts.get('minute'), parts.get('second')]
    return Date.UTC(year, month - 1, day, hour, minute, second)
  }
}

/** The instant at which the clock on the wall shows this; in the hour that is left out in spring, one hour later. */
function fromLocal(wall: number, local: (at: number) => number): Instant {
  const guess = wall - (local(wall) - wall)
  const refined = wall - (local(guess) - guess)
  return instant(local(refined) === wall ? refined : Math.max(guess, refined))
}
