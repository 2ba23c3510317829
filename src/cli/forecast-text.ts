/** The calendar of coming renewals, for people and for programs. Pure. */
import { formatInstant, type Instant } from '../base/instant.ts'
import type { Forecast, ForecastDay } from '../manage/limits/forecast.ts'
import { formatTable } from './table.ts'

/** Names that are shown of one day, and waits that are explained; the rest is counted. */
const shown = { names: 3, waits: 20 } as const
const barWidth = 20

/** One line for each day on which something happens, then what has to wait and for what. */
export function forecastText({ from, to, days }: Forecast): string {
  const total = days.reduce((sum, { orders }) => sum + orders, 0)
  const busiest = days.reduce<ForecastDay | undefined>(
    (most, day) => (day.orders > (most?.orders ?? 0) ? day : most),
    undefined,
  )
  const span = `from ${dateText(from)} to ${dateText(to)}`
  if (busiest === undefined) return `no certificate is due ${span}\n`
  const rows = days
    .filter(({ due, orders }) => due.length + orders > 0)
    .map(({ start, due, orders }) => [
      dateText(start),
      `${due.length}`,
      `${orders}`,
      '#'.repeat(Math.ceil((orders / busiest.orders) * barWidth)),
      listText(due.map(({ name }) => name)),
    ])
  const waiting = days.flatMap(day => day.waiting)
  const waits = waiting
    .slice(0, shown.waits)
    .map(({ name, at, wait }) => `${name}, due ${formatInstant(at)}: ${wait.text}\n`)
  const more = waiting.length > waits.length ? [`and ${waiting.length - waits.length} more that wait\n`] : []
  return [
    formatTable([['DATE', 'DUE', 'ORDERS', '', 'NAMES'], ...rows]),
    ...(waits.length > 0 ? ['\nwhat must wait for a limit:\n', ...waits, ...more] : []),
    `\n${total} order${total === 1 ? '' : 's'} ${span}; most on ${dateText(busiest.start)}: ${busiest.orders}\n`,
  ].join('')
}

/** The same as one JSON value, with every day. */
export function forecastJson({ from, to, days }: Forecast): Record<string, unknown> {
  return {
    from: formatInstant(from),
    to: formatInstant(to),
    days: days.map(({ start, due, orders, waiting }) => ({
      date: dateText(start),
      orders,
      due: due.map(({ name, at }) => ({ name, at: formatInstant(at) })),
      waiting: waiting.map(({ name, at, wait: { until, limit, text } }) => {
        return { name, at: formatInstant(at), until: formatInstant(until), limit, text }
      }),
    })),
  }
}

function dateText(at: Instant): string {
  return formatInstant(at).slice(0, 'YYYY-MM-DD'.length)
}

function listText(names: readonly string[]): string {
  const first = names.slice(0, shown.names).join(', ')
  return names.length > shown.names ? `${first} and ${names.length - shown.names} more` : first
}
