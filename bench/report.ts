/** What the benchmarks share: options, medians, verdicts. */
import { parseArgs } from 'node:util'
import { formatTable } from '../src/cli/table.ts'

/** Options that every benchmark takes. */
export type BenchOptions = {
  /** Print one JSON document instead of tables. */
  readonly json: boolean
  /** How often each contender runs. */
  readonly runs: number
  /** What a target is multiplied with before it counts as missed, for machines that are noisy. */
  readonly margin: number
}

/** Reads `--json`, `--runs N` and `--margin N`. */
export function readOptions(defaultRuns: number): BenchOptions {
  const { values } = parseArgs({
    options: { json: { type: 'boolean' }, runs: { type: 'string' }, margin: { type: 'string' } },
  })
  const positive = (name: 'runs' | 'margin', fallback: number): number => {
    const value = Number(values[name] ?? fallback)
    if (value > 0) return value
    throw new Error(`--${name} wants a number above 0`)
  }
  return {
    json: values.json === true,
    runs: Math.ceil(positive('runs', defaultRuns)),
    margin: positive('margin', 1),
  }
}

/** The middle value; of an even number the lower one of the two. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted[Math.floor((sorted.length - 1) / 2)]
  if (middle === undefined) throw new Error('there is no median of nothing')
  return middle
}

/** A measured value beside what it must not exceed. */
export type Target = { readonly name: string; readonly measured: number; readonly limit: number }

/** Whether a value may pass. */
export function isMet({ measured, limit }: Target, { margin }: Pick<BenchOptions, 'margin'>): boolean {
  return measured <= limit * margin
}

/** Prints the results and the verdicts; a missed target becomes the exit code 1. */
export function printReport(
  {
    tables,
    targets,
    facts,
  }: {
    readonly tables: readonly (readonly (readonly string[])[])[]
    readonly targets: readonly Target[]
    /** Everything that was measured, for `--json`. */
    readonly facts: Readonly<Record<string, unknown>>
  },
  options: BenchOptions,
): void {
  const judged = targets.map(target => ({ ...target, met: isMet(target, options) }))
  if (options.json) {
    const { version } = process
    process.stdout.write(`${JSON.stringify({ node: version, ...facts, targets: judged }, undefined, 2)}\n`)
  } else {
    for (const table of tables) process.stdout.write(`${formatTable(table)}\n`)
    const rows = judged.map(({ name, measured, limit, met }) => [
      met ? 'ok' : 'MISSED',
      name,
      round(measured),
      `at most ${round(limit)}`,
    ])
    process.stdout.write(formatTable(rows))
  }
  if (judged.some(({ met }) => !met)) process.exitCode = 1
}

/** Two digits after the point, none for whole numbers. */
export function round(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(2)
}
