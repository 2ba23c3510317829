/** What a simulation found, for people and for programs. Pure. */
import { formatDuration } from '../base/duration.ts'
import { dayMs, formatInstant, type Instant, plusMs } from '../base/instant.ts'
import { addUp, type LoadSummary, summarizeLoad } from '../manage/simulate/load-curve.ts'
import type { SimulationOptions, SimulationResult } from '../manage/simulate/simulation.ts'
import { formatTable } from './table.ts'

/** A simulation, what it was about and what came of it. */
export type Simulated = {
  /** Id of the authority whose limits were used. */
  readonly authority: string
  readonly options: SimulationOptions
  readonly result: SimulationResult
}

/** Most lines and columns of the bar chart: it should fit on a terminal with the rest. */
const chart = { lines: 24, width: 40 } as const

/** Counts, the load per hour and per day, and a bar chart of it. */
export function simulationText({ authority, options, result }: Simulated): string {
  const perDay = addUp(result.ordersPerHour, 24)
  return [
    `${options.fleet.size} certificates at ${authority} for ${options.days} days; they live ${formatDuration(options.lifetimeMs)}; seed ${options.seed}\n\n`,
    formatTable([
      ['orders', `${result.orders}`],
      ['certificates issued', `${result.issued}`],
      ['failed validations', `${result.failedValidations}`],
      ['attempts while the CA was away', `${result.unreachable}`],
      ['held back for a limit', `${result.heldBack}`],
      ['refused for a limit', `${result.refusals}`],
      ['expired', `${result.expiries}`],
      ['never issued', `${result.missing}`],
    ]),
    '\n',
    formatTable([
      ['ORDERS', 'MIN', 'MEDIAN', 'P99', 'MAX'],
      ['per hour', ...loadCells(summarizeLoad(result.ordersPerHour))],
      ['per day', ...loadCells(summarizeLoad(perDay))],
    ]),
    '\n',
    barChart(perDay, options.start),
  ].join('')
}

/** The same as one JSON value. */
export function simulationJson({ authority, options, result }: Simulated): Record<string, unknown> {
  const { ordersPerHour, ...counts } = result
  const perDay = addUp(ordersPerHour, 24)
  return {
    authority,
    certificates: options.fleet.size,
    days: options.days,
    lifetimeMs: options.lifetimeMs,
    seed: options.seed,
    ...counts,
    load: {
      perHour: summarizeLoad(ordersPerHour),
      perDay: { ...summarizeLoad(perDay), counts: [...perDay] },
    },
  }
}

function loadCells({ min, median, p99, max }: LoadSummary): readonly string[] {
  return [min, median, p99, max].map(String)
}

function barChart(perDay: Uint32Array, start: Instant): string {
  const span = Math.ceil(perDay.length / chart.lines)
  const averages = [...addUp(perDay, span)].map((sum, index) => {
    return sum / Math.min(span, perDay.length - index * span)
  })
  const highest = Math.max(1, ...averages)
  const rows = averages.map((average, index) => [
    formatInstant(plusMs(start, index * span * dayMs)).slice(0, 10),
    average >= 10 ? average.toFixed(0) : average.toFixed(1),
    '#'.repeat(Math.round((average / highest) * chart.width)),
  ])
  return formatTable([['FROM', 'A DAY', ''], ...rows])
}
