/** The monitored endpoints, looked at every few minutes. */
import { isAppError, messageOf } from '../base/errors.ts'
import { hourMs, type Instant, minuteMs, plusMs } from '../base/instant.ts'
import type { Logger } from '../base/log.ts'
import { monitorEndpoints, type Round } from '../manage/monitor/monitor.ts'
import type { Config } from '../manage/spec.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Bell } from './bell.ts'

/** Endpoints may be in the hands of others, who shall not mind. */
const roundEveryMs = 5 * minuteMs
/** Machines that were started together shall not look together for ever: up to a tenth more or less. */
const spread = 0.2
/** Nothing to look at until the configuration changes. */
const idleMs = hourMs

export type EndpointWatchOptions = {
  readonly state: string
  readonly config: () => Pick<Config, 'endpoints'>
  /** Rings when the configuration was read anew. */
  readonly bell: Bell
  readonly onRound: (round: Round, nextAt: Instant) => Promise<void>
  readonly log: Logger
  readonly signal: AbortSignal
}

/** Looks until the signal is aborted, and then returns; nothing that happens on the way ends it. */
export async function watchEndpoints(
  { state, config, bell, onRound, log, signal }: EndpointWatchOptions,
  runtime: Pick<Runtime, 'clock' | 'files' | 'probeTls' | 'random' | 'resolver' | 'systemRoots'>,
): Promise<void> {
  const stop = () => bell.ring()
  signal.addEventListener('abort', stop, { once: true })
  let isClear = false
  try {
    while (!signal.aborted) {
      const { endpoints } = config()
      const pauseMs = roundEveryMs * (1 - spread / 2 + spread * runtime.random.fraction())
      if (endpoints.length > 0 || !isClear) {
        try {
          const round = await monitorEndpoints(state, endpoints, { signal }, runtime)
          await onRound(round, plusMs(runtime.clock.now(), pauseMs))
        } catch (error) {
          if (!signal.aborted && !isAppError(error, 'ERR_ABORTED'))
            log('error', 'endpoints-not-looked-at', { message: messageOf(error) })
        }
      }
      isClear = endpoints.length === 0
      if (!signal.aborted) await bell.sleep(isClear ? idleMs : pauseMs)
    }
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
