/**
 * Certificates per second, wall time and requests: ours beside a bare script and beside the client that most Node programs
 * use, all against the same Pebbles, in turn, from an account that exists.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { secondMs } from '../src/base/instant.ts'
import { type Contender, contenders, type Names } from './contenders.ts'
import { type Fleet, type RequestCounts, startFleet } from './fleet.ts'
import { median, printReport, readOptions, round, type Target } from './report.ts'

type Scenario = {
  readonly name: string
  readonly certificates: number
  readonly namesEach: number
  /** Orders under way at once at each CA. */
  readonly concurrency: number
  readonly pebbles: number
}

const scenarios: readonly Scenario[] = [
  { name: '1 name', certificates: 1, namesEach: 1, concurrency: 1, pebbles: 1 },
  { name: '20 names', certificates: 1, namesEach: 20, concurrency: 1, pebbles: 1 },
  { name: '100 names', certificates: 1, namesEach: 100, concurrency: 1, pebbles: 1 },
  // One Pebble hangs now and then under 32 orders at once; four of them under 8 each do not.
  { name: '200 certificates, 32 at once', certificates: 200, namesEach: 1, concurrency: 8, pebbles: 4 },
]

const defaultRuns = 9
/** Far more than any of it takes. A Pebble that hangs is replaced. */
const limitMs = 60 * secondMs
const maxHangs = 3

/** The bars: requests beside polls, times the raw script's wall time, share of its rate. */
const maxRequests = (names: number) => 2 * names + 6
const maxRatio = 1.25
const minRate = 0.8
const baseline = 'raw script'
const judged = ['library', 'manager']

type Sample = { readonly ms: number; readonly counts: RequestCounts }
type Result = {
  readonly scenario: string
  readonly contender: string
  readonly medianMs: number
  readonly ratio: number
  readonly perSecond: number
  readonly requests: number
  readonly polls: number
  readonly renewalInfo: number
}

const options = readOptions(defaultRuns)
let fleet = await startFleet(Math.max(...scenarios.map(({ pebbles }) => pebbles)))
let serial = 0
let hangs = 0
const results: Result[] = []
try {
  for (const scenario of scenarios) results.push(...(await compare(scenario)))
} finally {
  await fleet[Symbol.asyncDispose]()
}
report()

async function compare(scenario: Scenario): Promise<readonly Result[]> {
  const all = contenders()
  const samples = new Map<Contender, Sample[]>(all.map(contender => [contender, []]))
  // The first round only warms up: code is compiled, caches are filled.
  for (let run = 0; run <= options.runs; run += 1) {
    for (const contender of all) {
      const sample = await measureDespiteHangs(contender, scenario)
      if (run > 0) samples.get(contender)?.push(sample)
    }
  }
  const medianOf = (contender: Contender, of: (sample: Sample) => number) =>
    median((samples.get(contender) ?? []).map(of))
  const base = all.find(({ name }) => name === baseline)
  if (base === undefined) throw new Error(`nobody is called ${baseline}`)
  const baseMs = medianOf(base, ({ ms }) => ms)
  return all.map(contender => {
    const medianMs = medianOf(contender, ({ ms }) => ms)
    return {
      scenario: scenario.name,
      contender: contender.name,
      medianMs,
      ratio: medianMs / baseMs,
      perSecond: (scenario.certificates * secondMs) / medianMs,
      requests: medianOf(contender, ({ counts }) => counts.nonces + counts.others) / scenario.certificates,
      polls: medianOf(contender, ({ counts }) => counts.polls) / scenario.certificates,
      renewalInfo: medianOf(contender, ({ counts }) => counts.renewalInfo) / scenario.certificates,
    }
  })
}

async function measureDespiteHangs(contender: Contender, scenario: Scenario): Promise<Sample> {
  for (;;) {
    const sample = await Promise.race([measure(contender, scenario, fleet), sleep(limitMs, 'hung' as const)])
    if (sample !== 'hung') return sample
    hangs += 1
    if (hangs > maxHangs) throw new Error(`${contender.name} or Pebble hung ${hangs} times`)
    await fleet[Symbol.asyncDispose]()
    fleet = await startFleet(fleet.pebbles.length)
  }
}

async function measure(
  contender: Contender,
  { certificates, namesEach, concurrency, pebbles }: Scenario,
  { pebbles: started, takeCounts }: Fleet,
): Promise<Sample> {
  const used = started.slice(0, pebbles)
  await using opened = new AsyncDisposableStack()
  const sessions = await Promise.all(used.map(async pebble => opened.use(await contender.open(pebble))))
  const wanted = sessions.map(() =>
    Array.from({ length: certificates / pebbles }, () => freshNames(namesEach)),
  )
  await takeCounts()
  const begin = performance.now()
  await Promise.all(sessions.map((session, index) => session.obtain(wanted[index] ?? [], concurrency)))
  const ms = performance.now() - begin
  return { ms, counts: await takeCounts() }
}

/** Names that no authorization exists for. */
function freshNames(count: number): Names {
  return Array.from({ length: count }, () => `n${++serial}.bench.test`)
}

function report(): void {
  const tables = scenarios.map(({ name, certificates }) => [
    [name, 'WALL', 'RATIO', ...(certificates > 1 ? ['PER SECOND'] : []), 'REQUESTS', 'POLLS', 'ADVICE'],
    ...results
      .filter(({ scenario }) => scenario === name)
      .map(({ contender, medianMs, ratio, perSecond, requests, polls, renewalInfo }) => [
        ...[contender, `${medianMs.toFixed(0)} ms`, round(ratio)],
        ...(certificates > 1 ? [perSecond.toFixed(0)] : []),
        ...[round(requests), round(polls), round(renewalInfo)],
      ]),
  ])
  printReport(
    { tables, targets: scenarios.flatMap(targetsOf), facts: { runs: options.runs, hangs, results } },
    options,
  )
}

function targetsOf({ name, certificates, namesEach }: Scenario): readonly Target[] {
  return results
    .filter(({ scenario, contender }) => scenario === name && judged.includes(contender))
    .flatMap(({ contender, ratio, requests }) => {
      const what = `${name}, ${contender}`
      if (certificates > 1) {
        return [
          { name: `${what}: times the wall time of the ${baseline}`, measured: ratio, limit: 1 / minRate },
        ]
      }
      return [
        { name: `${what}: requests beside polls`, measured: requests, limit: maxRequests(namesEach) },
        { name: `${what}: times the wall time of the ${baseline}`, measured: ratio, limit: maxRatio },
      ]
    })
}
