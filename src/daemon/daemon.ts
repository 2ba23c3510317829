/** The daemon of one state directory: the loop, joined with what it tells and whom it listens to. */
import { AppError, isAppError } from '../base/errors.ts'
import { formatInstant, type Instant, secondMs } from '../base/instant.ts'
import type { Logger } from '../base/log.ts'
import type { ConfigPlace } from '../manage/config/place.ts'
import type { OnEvent } from '../manage/events.ts'
import type { EndpointRecord } from '../manage/monitor/endpoint-records.ts'
import type { Round } from '../manage/monitor/monitor.ts'
import type { Config } from '../manage/spec.ts'
import { takeLock } from '../manage/store/locks.ts'
import type { Lock } from '../runtime/lock.ts'
import type { Resolver } from '../runtime/resolver.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { createBell } from './bell.ts'
import { readConfiguration } from './configuration.ts'
import { watchEndpoints } from './endpoint-watch.ts'
import type { OpenManager } from './look.ts'
import { type Look, runLoop } from './loop.ts'
import { createMeter, type Meter } from './metrics/meter.ts'
import { endpointCheckMs } from './pace.ts'
import { createReporter, shownError } from './report.ts'
import { createRequests } from './requests.ts'
import { answerLocally, type Surface } from './routes.ts'
import { createServedWatch } from './served-watch.ts'
import { serviceManager } from './service-manager.ts'
import { type DaemonStatus, daemonSocketPath, type Phase } from './status.ts'
import { createView } from './view.ts'

/** A daemon that is just being stopped gives its lock back within this time. */
const lockWaitMs = 2 * secondMs

export type DaemonOptions = {
  /** The state directory, absolute. */
  readonly state: string
  readonly place: ConfigPlace
  readonly loadConfig: () => Promise<Config>
  /**
   * Opens what one look needs, so that nothing old is held on to: an account key may be replaced at any time. It is given
   * a meter for everything that is done, and passes on what happens.
   */
  readonly openManager: (
    config: Config,
    hooks: { readonly meter: Meter; readonly onEvent: OnEvent },
  ) => Promise<OpenManager>
  /** By which DNS servers endpoints are found. */
  readonly resolverFor: (config: Pick<Config, 'resolvers'>) => Resolver
  /** What else follows a look. */
  readonly afterLook: (look: Look) => Promise<void>
  /** What else follows a round over the monitored endpoints. */
  readonly afterEndpoints: (
    records: readonly EndpointRecord[],
    about: { readonly config: Config; readonly nextAt: Instant },
  ) => Promise<void>
  /** What else follows when the configuration cannot be used any more, or can be again. */
  readonly afterRefusal: (error: AppError | undefined, inUse: Config) => Promise<void>
  /** Calls back when somebody asks to read the configuration again. */
  readonly onReload: (reload: () => void) => Disposable
  readonly log: Logger
  readonly pid: number
  readonly version: string
  readonly signal: AbortSignal
}

/**
 * Runs until the signal is aborted, and then returns.
 * @throws AppError ERR_LOCKED where another daemon has the state directory; ERR_CONFIG, ERR_CONFIG_READ where there is no
 * good configuration to begin with; ERR_STORE
 */
export async function runDaemon(options: DaemonOptions, runtime: Runtime): Promise<void> {
  const { state, place, log, signal, version } = options
  const bell = createBell(runtime)
  const requests = createRequests(() => bell.ring())
  using _hangUp = options.onReload(() => requests.reload())
  await using _lock = await lockState(options, runtime)
  const configuration = await readConfiguration({ place, load: options.loadConfig }, runtime)
  const names = () => configuration.current().config.certificates.map(({ name }) => name)
  const meter = createMeter(runtime)
  await using view = createView({ ...options, configuration, meter }, runtime)
  const manager = serviceManager({ log }, runtime)
  const tellManager = (...news: readonly string[]): void =>
    void manager.notify(...news, `STATUS=${statusText(view.status())}`)
  const report = createReporter(log)
  let refusedFor: string | undefined
  // What the watches see is measured too.
  const watching: Runtime = {
    ...runtime,
    probeTls: meter.probeTls(runtime.probeTls),
    resolver: {
      addresses: (...asked) => options.resolverFor(configuration.current().config).addresses(...asked),
    },
  }
  const endpointBell = createBell(runtime)
  const ended = new AbortController()
  const untilEnd = AbortSignal.any([signal, ended.signal])
  const served = createServedWatch(
    {
      ...{ state, log, signal: untilEnd },
      isQuiet: () => view.status().phase === 'waiting',
      onStale: () => requests.look('all'),
    },
    watching,
  )
  const onRound = async ({ records, problems }: Round, nextAt: Instant): Promise<void> => {
    for (const problem of problems) log('warn', 'endpoints-not-recorded', shownError(problem))
    view.takeEndpoints(records)
    await view.publish()
    await followUp(() => options.afterEndpoints(records, { config: configuration.current().config, nextAt }))
  }

  const onPhase = (phase: Phase): void => {
    view.enter(phase)
    if (phase === 'reloading') void manager.notify('RELOADING=1')
  }
  const onConfiguration = async (): Promise<void> => {
    const { config, error } = configuration.current()
    if (error === undefined) log('info', 'configuration-read', { certificates: names().length })
    else log('error', 'configuration-refused', shownError(error))
    endpointBell.ring()
    await view.publish()
    tellManager('READY=1')
    const before = refusedFor
    refusedFor = error?.message
    if (refusedFor !== before) await followUp(() => options.afterRefusal(error, config))
  }
  const onLook = async (look: Look): Promise<void> => {
    view.take(look)
    await served.refresh(look.config)
    await view.publish()
    tellManager()
    report(look)
    await followUp(() => options.afterLook(look))
  }
  const followUp = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work()
    } catch (error) {
      if (!signal.aborted) log('error', 'follow-up-failed', shownError(error))
    }
  }
  const onEvent: OnEvent = event => {
    view.progress()
    const { certificate, step, level, text } = event
    log(level === 'warning' ? 'warn' : 'debug', step, { certificate, text })
  }

  await view.publish()
  const surface: Surface = { ...view, names, look: what => requests.look(what) }
  await using _socket = await listenLocally(surface, options, runtime)
  log('info', 'started', { version, state, certificates: names().length })
  tellManager('READY=1')
  const beside = [
    beat(manager.watchdogMs, untilEnd),
    served.run(),
    watchEndpoints(
      {
        ...{ state, bell: endpointBell, onRound, log, signal: untilEnd },
        config: () => configuration.current().config,
      },
      watching,
    ),
  ]
  try {
    await runLoop(
      {
        ...{ configuration, place, requests, bell, checkEveryMs: endpointCheckMs, signal },
        openManager: config => options.openManager(config, { meter, onEvent }),
        ...{ onPhase, onLook, onConfiguration, onProgress: () => view.progress() },
        onStop: () => {
          view.enter('stopping')
          tellManager('STOPPING=1')
        },
      },
      runtime,
    )
  } finally {
    ended.abort()
    await Promise.all(beside)
  }
  log('info', 'stopped')

  /** Signs of life twice as often as the manager wants them, until it is stopped or hangs. */
  async function beat(watchdogMs: number | undefined, until: AbortSignal): Promise<void> {
    if (watchdogMs === undefined) return
    while (!until.aborted) {
      await runtime.clock.sleep(watchdogMs / 2, until).catch(() => {}) // that is the end
      if (!until.aborted && !view.hangs()) void manager.notify('WATCHDOG=1')
    }
  }
}

async function lockState(
  { state, signal }: Pick<DaemonOptions, 'state' | 'signal'>,
  runtime: Pick<Runtime, 'clock' | 'tryLock'>,
): Promise<Lock> {
  let holder = ''
  const onWait = (found: string) => {
    holder = found
  }
  const options = { about: 'certwright run', waitMs: lockWaitMs, onWait, signal }
  try {
    return await takeLock(state, 'daemon', options, runtime)
  } catch (error) {
    if (!isAppError(error, 'ERR_LOCKED')) throw error
    throw new AppError('ERR_LOCKED', `a daemon runs for ${state} already: ${holder || 'another process'}`, {
      hint: 'one is enough, and it takes up changes of the configuration by itself; to restart it, stop that one first',
      cause: error,
    })
  }
}

/** Without its socket a daemon renews all the same. */
async function listenLocally(
  surface: Surface,
  { state, log }: Pick<DaemonOptions, 'state' | 'log'>,
  { localHttp }: Pick<Runtime, 'localHttp'>,
): Promise<AsyncDisposable | undefined> {
  try {
    return await localHttp.listen(daemonSocketPath(state), request => answerLocally(request, surface))
  } catch (error) {
    log('warn', 'no-status-socket', shownError(error))
    return undefined
  }
}

function statusText({ configuration, nextLookAt, phase }: DaemonStatus): string {
  const { certificates, error } = configuration
  const parts = [
    ...(phase === 'stopping' ? ['finishing what is under way'] : []),
    `${certificates} certificate${certificates === 1 ? '' : 's'}`,
    ...(nextLookAt === undefined ? [] : [`next look ${formatInstant(nextLookAt)}`]),
    ...(error === undefined ? [] : ['the configuration as it is now cannot be used']),
  ]
  return parts.join('; ')
}
