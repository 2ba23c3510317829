/** `certwright run`. */
import type { AppError } from '../../base/errors.ts'
import { secondMs } from '../../base/instant.ts'
import { type Logger, logLevels } from '../../base/log.ts'
import { runDaemon } from '../../daemon/daemon.ts'
import { formatLogLine, type LogStyle } from '../../daemon/log-line.ts'
import { createRecollection } from '../../manage/recollection.ts'
import { nodeResolver } from '../../runtime/node/resolver.ts'
import { keepHeapSmall } from '../../runtime/node/small-heap.ts'
import { type CommandContext, type CommandResult, exitCodes, type GlobalOptions } from '../command.ts'
import { tellOfConfiguration, tellOfRun } from '../tell-people.ts'
import { version } from '../version.ts'
import { createWorkbench, loadCommandConfig } from '../workbench.ts'

/** A step under way, with its cleaning up, ends within this time after it was told to, or the process ends without it. */
const stopWithinMs = 30 * secondMs

/** Stays, and does what is due when it is due, until SIGTERM or SIGINT. SIGHUP makes it read the configuration. */
export async function run(context: CommandContext): Promise<CommandResult> {
  const { runtime, state, place, signal } = context
  keepHeapSmall()
  // Whoever read the log may be gone; that is no reason to end.
  process.stderr.on('error', () => {})
  const since = runtime.clock.now()
  const recollection = createRecollection()
  const log = createLog(context)
  const giveUp = () => {
    log('warn', 'stopped-unfinished', { hint: 'the next run continues what was under way' })
    process.exit()
  }
  signal.addEventListener('abort', () => setTimeout(giveUp, stopWithinMs).unref(), { once: true })
  const warn = (errors: readonly AppError[]): void => {
    for (const { code, message, hint } of errors) log('warn', 'people-not-told', { code, message, hint })
  }
  await runDaemon(
    {
      state,
      place,
      loadConfig: () => loadCommandConfig(context),
      openManager: async (config, { meter, onEvent }) =>
        createWorkbench({ ...context, onEvent }, config, { meter, recollection }),
      resolverFor: ({ resolvers }) =>
        resolvers.length === 0 ? runtime.resolver : nodeResolver({ dnsServers: resolvers }),
      afterLook: async ({ config, results, nextLookAt }) =>
        warn(await tellOfRun(context, config, { results, nextRunAt: nextLookAt, recollection })),
      afterEndpoints: async (endpoints, { config, nextAt }) =>
        warn(await tellOfRun(context, config, { endpoints, nextRunAt: nextAt, recollection })),
      afterRefusal: async (error, inUse) => warn(await tellOfConfiguration(context, inUse, error)),
      onReload,
      log,
      pid: process.pid,
      version,
      signal,
    },
    runtime,
  )
  return { exitCode: exitCodes.done, text: '', json: { ranForMs: runtime.clock.now() - since } }
}

function onReload(reload: () => void): Disposable {
  process.on('SIGHUP', reload)
  return { [Symbol.dispose]: () => void process.removeListener('SIGHUP', reload) }
}

/** Writes to standard error, where service managers and people look. */
function createLog({ globals, runtime }: Pick<CommandContext, 'globals' | 'runtime'>): Logger {
  const style = logStyle(globals, runtime)
  const least = logLevels.indexOf(
    globals.quiet === true ? 'warn' : globals.verbose === true ? 'debug' : 'info',
  )
  return (level, event, fields = {}) => {
    if (logLevels.indexOf(level) > least) return
    process.stderr.write(formatLogLine({ at: runtime.clock.now(), level, event, fields }, style))
  }
}

function logStyle({ json }: GlobalOptions, { environment }: CommandContext['runtime']): LogStyle {
  if (json === true) return 'json'
  // systemd sets it where standard error leads to the journal, which keeps the time itself.
  return (environment('JOURNAL_STREAM') ?? '') === '' ? 'plain' : 'journal'
}
