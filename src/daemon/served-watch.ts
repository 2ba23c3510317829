/**
 * Whether the endpoints of our own certificates still show what was delivered to them. Between the looks at everything, so
 * that a server that went back to an earlier certificate is found within a minute.
 */
import { mapConcurrently } from '../base/concurrent.ts'
import { isAppError, messageOf } from '../base/errors.ts'
import { minuteMs, secondMs } from '../base/instant.ts'
import type { Logger } from '../base/log.ts'
import type { Endpoint } from '../contracts/deployer.ts'
import { endpointName } from '../manage/observe/endpoint-result.ts'
import { newest } from '../manage/observe/observation.ts'
import { observeCertificate } from '../manage/observe/observe.ts'
import { probeEndpoint } from '../manage/observe/probe.ts'
import type { Config, SpecName } from '../manage/spec.ts'
import type { Runtime } from '../runtime/runtime.ts'

/** With a round of some seconds, a change is found within a minute. */
const shortestPauseMs = 30 * secondMs
const longestPauseMs = 5 * minuteMs
/** Of the time, no more than a sixth is spent on handshakes, however many endpoints there are. */
const pausePerRound = 5
const probeConcurrency = 16
const readingConcurrency = 16

/** One endpoint, and what it should show. */
type Promised = { readonly name: SpecName; readonly fingerprint: string; readonly endpoint: Endpoint }

export type ServedWatch = {
  /** Takes over what is delivered now. Never throws. */
  refresh(config: Pick<Config, 'certificates'>): Promise<void>
  /** Looks until the signal is aborted, and then returns. */
  run(): Promise<void>
}

export type ServedWatchOptions = {
  readonly state: string
  /** Whether nothing is being delivered. */
  readonly isQuiet: () => boolean
  /** Called once for each change for the worse. */
  readonly onStale: () => void
  readonly log: Logger
  readonly signal: AbortSignal
}

/** A watch over nothing. */
export function createServedWatch(
  { state, isQuiet, onStale, log, signal }: ServedWatchOptions,
  runtime: Pick<Runtime, 'clock' | 'files' | 'probeTls' | 'resolver'>,
): ServedWatch {
  let promised: readonly Promised[] = []
  const told = new Map<string, string>()

  const look = async ({ name, fingerprint, endpoint }: Promised): Promise<boolean> => {
    const seen = await probeEndpoint(endpoint, { signal }, runtime)
    const where = `${name} ${endpointName(endpoint)}`
    // One that is silent is dealt with by the looks at everything.
    if (seen.fingerprint === undefined) return false
    if (seen.fingerprint === fingerprint) {
      told.delete(where)
      return false
    }
    const what = `${fingerprint} ${seen.fingerprint}`
    if (told.get(where) === what) return false
    told.set(where, what)
    const shown = { endpoint: endpointName(endpoint), shows: seen.fingerprint, delivered: fingerprint }
    log('warn', 'endpoint-stale', { certificate: name, ...shown })
    return true
  }
  const round = async (): Promise<void> => {
    if (!isQuiet()) return
    const before = promised
    const stale = await mapConcurrently(before, probeConcurrency, look)
    // What was delivered meanwhile is another promise.
    if (stale.includes(true) && promised === before) onStale()
  }
  return {
    refresh: async ({ certificates }) => {
      const found = await mapConcurrently(certificates, readingConcurrency, ({ name }) =>
        promisedFor(state, name, runtime).catch(() => []),
      )
      promised = found.flat()
    },
    run: async () => {
      while (!signal.aborted) {
        const begun = runtime.clock.monotonic()
        await round().catch((error: unknown) => {
          if (!signal.aborted && !isAppError(error, 'ERR_ABORTED'))
            log('warn', 'watch-failed', { message: messageOf(error) })
        })
        const pauseMs = (runtime.clock.monotonic() - begun) * pausePerRound
        const inBounds = Math.min(Math.max(pauseMs, shortestPauseMs), longestPauseMs)
        await runtime.clock.sleep(inBounds, signal).catch(() => {}) // that is the end
      }
    },
  }
}

async function promisedFor(
  state: string,
  name: SpecName,
  runtime: Pick<Runtime, 'files'>,
): Promise<readonly Promised[]> {
  const view = await observeCertificate(state, name, runtime, { trustUntouched: true })
  const current = newest(view)
  if (current === undefined) return []
  const { generation, fingerprint } = current
  return view.deployments
    .filter(deployment => deployment.failure === undefined && deployment.generation === generation)
    .flatMap(({ endpoints = [] }) => endpoints)
    .map(endpoint => ({ name, fingerprint, endpoint }))
}
