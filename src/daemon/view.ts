/** How the daemon is seen from outside: its status, and metrics on an address or in a file. */
import { hourMs, type Instant } from '../base/instant.ts'
import type { Logger } from '../base/log.ts'
import type { EndpointRecord } from '../manage/monitor/endpoint-records.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Configuration } from './configuration.ts'
import type { Look } from './loop.ts'
import { certificatesText } from './metrics/certificate-metrics.ts'
import type { Meter } from './metrics/meter.ts'
import { metricsText, writeMetricsFile } from './metrics/metrics.ts'
import { createMetricsAddress } from './metrics/metrics-address.ts'
import { shownError } from './report.ts'
import { answerScrape, type Surface } from './routes.ts'
import type { DaemonStatus, Phase } from './status.ts'

/** Whoever does nothing for so long hangs: each step of an issuance has a shorter limit. */
const hangsAfterMs = hourMs

export interface View extends AsyncDisposable, Pick<Surface, 'status' | 'metrics' | 'trouble'> {
  enter(phase: Phase): void
  /** Something moved. */
  progress(): void
  hangs(): boolean
  /** Takes over what a look found. */
  take(look: Look): void
  /** Takes over what was seen at monitored endpoints. */
  takeEndpoints(records: readonly EndpointRecord[]): void
  /** Shows the certificates as they are now. Never throws: metrics keep no certificate from being renewed. */
  publish(): Promise<void>
}

export type ViewOptions = {
  readonly state: string
  readonly pid: number
  readonly version: string
  readonly configuration: Configuration
  readonly meter: Meter
  readonly log: Logger
}

/** Shows a daemon that has just been started. */
export function createView(options: ViewOptions, runtime: Runtime): View {
  const { state, pid, version, configuration, meter, log } = options
  const { clock } = runtime
  const since = clock.now()
  let phase: Phase = 'starting'
  let progressMs = clock.monotonic()
  let certificates = ''
  let endpoints: readonly EndpointRecord[] = []
  let refused: Look['results'] = []
  let seen: Pick<DaemonStatus, 'nextLookAt' | 'lastLook' | 'lastApply'> = {}
  let metricsError: DaemonStatus['metricsError']

  const progress = () => {
    progressMs = clock.monotonic()
  }
  const hangs = () => clock.monotonic() - progressMs > hangsAfterMs
  const status = (): DaemonStatus => {
    const { config, readAt, error } = configuration.current()
    const count = config.certificates.length
    return {
      ...{ pid, version, since, phase },
      ...seen,
      configuration: { readAt, certificates: count, ...(error && { error: shownError(error) }) },
      ...(metricsError && { metricsError }),
    }
  }
  const metrics = () =>
    metricsText({ version, certificates, endpoints, measured: meter.measured(), daemon: status() })
  const address = createMetricsAddress(request => answerScrape(request, { metrics }), runtime)
  const show = async (): Promise<void> => {
    const { config } = configuration.current()
    await address.move(config.daemon.metrics)
    const { served } = meter.measured()
    certificates = await certificatesText(
      state,
      { specs: config.certificates, results: refused, served },
      runtime,
    )
    if (config.daemon.metricsFile !== undefined)
      await writeMetricsFile(config.daemon.metricsFile, metrics(), runtime)
  }
  return {
    status,
    metrics,
    trouble: () => (hangs() ? 'it hangs' : seen.lastLook?.error?.message),
    enter: next => {
      progress()
      phase = next
    },
    progress,
    hangs,
    take: ({ at, nextLookAt, results, applied, error }) => {
      refused = results.filter(({ outcome }) => outcome === 'refused')
      seen = {
        ...seen,
        nextLookAt,
        lastLook: { at, ...(error !== undefined && { error: shownError(error) }) },
        ...(applied && { lastApply: countResults(results, at) }),
      }
    },
    takeEndpoints: records => {
      endpoints = records
    },
    publish: async () => {
      try {
        await show()
        metricsError = undefined
      } catch (error) {
        const shown = shownError(error)
        if (metricsError?.message !== shown.message) log('error', 'metrics-failed', shown)
        metricsError = shown
      }
    },
    [Symbol.asyncDispose]: () => address[Symbol.asyncDispose](),
  }
}

function countResults(results: Look['results'], at: Instant): NonNullable<DaemonStatus['lastApply']> {
  const count = (...outcomes: readonly string[]) =>
    results.filter(({ outcome }) => outcomes.includes(outcome)).length
  return { at, changed: count('issued', 'deployed'), failed: count('failed', 'refused') }
}
