/** `certwright simulate`: years of renewals on a clock of its own. Sends nothing, stores nothing. */
import { parseDurationMs } from '../../base/duration.ts'
import { AppError, messageOf } from '../../base/errors.ts'
import { dayMs } from '../../base/instant.ts'
import { type LimitOverrides, limitNames, parseLimitSize } from '../../manage/limits/limit.ts'
import { orderFacts } from '../../manage/limits/order-facts.ts'
import { limitsOf } from '../../manage/limits/published.ts'
import { type Fleet, namedFleet, uniformFleet } from '../../manage/simulate/fleet.ts'
import { type Outage, type SimulationOptions, simulate } from '../../manage/simulate/simulation.ts'
import type { Authority, CertificateSpec } from '../../manage/spec.ts'
import { type CommandContext, type CommandResult, exitCodes } from '../command.ts'
import { type Simulated, simulationJson, simulationText } from '../simulate-text.ts'
import { loadCommandConfig } from '../workbench.ts'

/** Options as they are written. */
export type SimulateFlags = {
  readonly certificates?: string
  readonly perDomain: string
  readonly years: string
  readonly lifetime: string
  readonly new?: string | true
  readonly renewalInfo: boolean
  readonly failures: string
  readonly outage?: readonly string[]
  readonly limit?: readonly string[]
  readonly ledger: boolean
  readonly seed: string
}

/** Bounds of what is simulated: it takes memory for each certificate, and time for each order. */
const bounds = { certificates: 10_000_000, perDomain: 10_000_000, seed: 2 ** 32 - 1, years: 30 } as const
const daysPerYear = 365
/** First orders without further word are spread over this, in milliseconds. */
const usualSpreadMs = dayMs

/** Simulates the configured certificates, or so many invented ones; exit code 1 where some expired. */
export async function simulateCommand(context: CommandContext, flags: SimulateFlags): Promise<CommandResult> {
  const settings = readFlags(flags)
  const simulated: Simulated[] = []
  for (const { authority, fleet } of await targetsOf(context, flags, settings.overrides)) {
    const limits = limitsOf(authority.directory, settings.overrides)
    const options: SimulationOptions = {
      ...settings,
      fleet,
      limits,
      believed: flags.ledger ? limits : {},
      start: context.runtime.clock.now(),
    }
    simulated.push({ authority: authority.id, options, result: await run(options, context) })
  }
  const expired = simulated.some(({ result }) => result.expiries > 0)
  return {
    exitCode: expired ? exitCodes.failed : exitCodes.done,
    text: simulated.map(simulationText).join('\n'),
    json: { simulations: simulated.map(simulationJson) },
  }
}

async function run(
  options: SimulationOptions,
  { runtime, signal }: CommandContext,
): Promise<Simulated['result']> {
  const days = simulate(options)
  for (;;) {
    const next = days.next()
    if (next.done === true) return next.value
    await runtime.clock.sleep(0, signal) // so that Ctrl-C is heard
  }
}

type Target = { readonly authority: Authority; readonly fleet: Fleet }

async function targetsOf(
  context: CommandContext,
  { certificates, perDomain }: SimulateFlags,
  overrides: LimitOverrides,
): Promise<readonly Target[]> {
  const config = await loadCommandConfig(context)
  if (certificates !== undefined) {
    const size = wholeNumber('--certificates', certificates, bounds.certificates)
    const fleet = uniformFleet(size, wholeNumber('--per-domain', perDomain, bounds.perDomain))
    return [{ authority: config.authority, fleet }]
  }
  if (config.certificates.length === 0) {
    const hint = 'certwright simulate --certificates 1000 invents some'
    throw new AppError('ERR_USAGE', 'no certificates are configured', { hint })
  }
  const authorities = new Map(config.certificates.map(({ authority }) => [authority.id, authority]))
  return await Promise.all(
    [...authorities.values()].map(async authority => {
      const specs = config.certificates.filter(spec => spec.authority.id === authority.id)
      return { authority, fleet: await fleetOf(specs, authority, overrides) }
    }),
  )
}

async function fleetOf(
  specs: readonly CertificateSpec[],
  { id, directory }: Authority,
  overrides: LimitOverrides,
): Promise<Fleet> {
  const known = { account: id, exemptions: [], limits: limitsOf(directory, overrides) }
  return namedFleet(await Promise.all(specs.map(({ identifiers }) => orderFacts(identifiers, known))))
}

type Settings = Omit<SimulationOptions, 'fleet' | 'limits' | 'believed' | 'start'> & {
  readonly overrides: LimitOverrides
}

function readFlags(flags: SimulateFlags): Settings {
  return {
    days: Math.max(1, Math.round(years(flags.years) * daysPerYear)),
    lifetimeMs: duration('--lifetime', flags.lifetime),
    renewalInfo: flags.renewalInfo,
    newWithinMs:
      flags.new === undefined ? undefined : flags.new === true ? usualSpreadMs : duration('--new', flags.new),
    failureShare: share(flags.failures),
    outages: (flags.outage ?? []).map(outage),
    overrides: Object.fromEntries((flags.limit ?? []).map(limit)),
    seed: wholeNumber('--seed', flags.seed, bounds.seed),
  }
}

function usage(option: string, text: string, what: string, cause?: unknown): AppError {
  return new AppError('ERR_USAGE', `${option}: "${text}" is not ${what}`, {
    cause,
    hint: 'certwright simulate --help lists the options',
  })
}

function wholeNumber(option: string, text: string, most: number): number {
  const number = /^\d{1,10}$/.test(text) ? Number(text) : 0
  if (number >= 1 && number <= most) return number
  throw usage(option, text, `a number from 1 to ${most}`)
}

function years(text: string): number {
  const number = /^\d{1,3}(\.\d+)?$/.test(text) ? Number(text) : 0
  if (number > 0 && number <= bounds.years) return number
  throw usage('--years', text, `a number of years up to ${bounds.years}`)
}

function duration(option: string, text: string): number {
  try {
    const ms = parseDurationMs(text)
    if (ms > 0) return ms
  } catch (error) {
    throw usage(option, text, 'a duration such as 90d', error)
  }
  throw usage(option, text, 'longer than nothing')
}

function share(text: string): number {
  const percent = /^\d{1,3}(\.\d+)?%$/.test(text) ? Number(text.slice(0, -1)) : 101
  if (percent <= 100) return percent / 100
  throw usage('--failures', text, 'a share such as 1%')
}

function outage(text: string): Outage {
  const [after, length, ...rest] = text.split('+')
  if (after === undefined || length === undefined || rest.length > 0)
    throw usage('--outage', text, 'a time from the start and a length, such as 30d+12h')
  return { afterMs: duration('--outage', after), lengthMs: duration('--outage', length) }
}

function limit(text: string): readonly [string, LimitOverrides[keyof LimitOverrides]] {
  const [name = '', size = ''] = text.split('=')
  if (!limitNames.some(known => known === name))
    throw usage('--limit', text, `NAME=COUNT/TIME with a name of ${limitNames.join(', ')}`)
  if (size === 'none') return [name, size]
  try {
    return [name, parseLimitSize(size)]
  } catch (error) {
    throw usage('--limit', text, `NAME=COUNT/TIME: ${messageOf(error)}`, error)
  }
}
