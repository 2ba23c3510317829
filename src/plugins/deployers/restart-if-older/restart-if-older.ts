/** A server that reads its files only when it starts: it is restarted when it is older than they are. */
import { parseDurationMs } from '../../../base/duration.ts'
import { AppError } from '../../../base/errors.ts'
import { minuteMs } from '../../../base/instant.ts'
import type { Activation, DeployableCertificate, Deployer } from '../../../contracts/deployer.ts'
import { hasFiles, wantedFiles } from '../../../contracts/files-target.ts'
import type { TargetOptions } from '../../../contracts/target-options.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import { ageMs, type ProcessSearch, readProcess } from '../process/processes.ts'
import { notRunning, processName, type SearchRuntime, searchProcess } from '../process/search.ts'
import { runOrFail, shownCommand } from '../server/run-program.ts'
import { createServiceDeployer, obstacleOf, type ServiceRuntime } from '../service.ts'
import { noSuchUnit, showUnit } from '../systemd/systemctl.ts'

type Target = TargetOptions<'restart-if-older'>
type OlderRuntime = ServiceRuntime & SearchRuntime
type Options = { readonly signal: AbortSignal }

/** Processes are dated to the hundredth of a second: one that began in the same step may have read the earlier files. */
const stepMs = 20
/** Until there is a younger process: restarts go on in the background, more often than not. */
const restartWithinMs = 2 * minuteMs
const lookEveryMs = 250

/** A deployer for one process, or the main process of one unit. */
export function createRestartIfOlderDeployer(target: Target, runtime: OlderRuntime): Deployer {
  return createServiceDeployer(
    'restart-if-older',
    target,
    {
      source: nameOf(target),
      obstacle: async options => {
        try {
          const found = await search(target, options, runtime)
          return found.running ? undefined : { state: 'not-running', error: stopped(target, found.text) }
        } catch (error) {
          return obstacleOf(error)
        }
      },
      activate: activation => restartIfOlder(target, activation, runtime),
    },
    runtime,
  )
}

async function restartIfOlder(
  target: Target,
  { certificates = [], signal }: Activation,
  runtime: OlderRuntime,
): Promise<void> {
  const changedAt = await lastChange(target, certificates, runtime)
  const isOld = async (): Promise<boolean | undefined> => {
    const found = await search(target, { signal }, runtime)
    if (!found.running) return undefined
    const age = await ageMs(found.process, { signal }, runtime)
    return runtime.clock.now() - age <= changedAt + stepMs
  }
  if ((await isOld()) === false) return
  const command = target.restart ?? ['systemctl', '--no-ask-password', 'restart', target.unit ?? '']
  const withinMs = target.timeout === undefined ? restartWithinMs : parseDurationMs(target.timeout)
  const [program = '', ...args] = command
  await runOrFail(program, args, runtime, { timeoutMs: withinMs, signal })
  const began = runtime.clock.monotonic()
  let old = await isOld()
  while (old !== false && runtime.clock.monotonic() - began < withinMs) {
    await runtime.clock.sleep(lookEveryMs, signal)
    old = await isOld()
  }
  if (old === false) return
  const what = old === undefined ? 'is not running' : 'is still the process from before'
  throw new AppError('ERR_DEPLOY', `${nameOf(target)} ${what}, after "${shownCommand(command)}" succeeded`, {
    hint: 'see the log of the server, and run the command by hand',
  })
}

/** When the server's files became what they are: the copies got their names, or `live/<name>` was switched. */
async function lastChange(
  target: Target,
  certificates: readonly DeployableCertificate[],
  { files }: Pick<Runtime, 'files'>,
): Promise<number> {
  const paths = hasFiles(target)
    ? wantedFiles(target).map(({ path }) => path)
    : certificates.map(({ liveDirectory }) => liveDirectory)
  const facts = await Promise.all(paths.map(path => files.facts(path)))
  // Not `mtime`: that is when a file was written, which is before it gets its name.
  return Math.max(0, ...facts.map(fact => fact?.ctimeMs ?? 0))
}

async function search(target: Target, options: Options, runtime: OlderRuntime): Promise<ProcessSearch> {
  const { unit } = target
  if (unit === undefined) return await searchProcess(target, options, runtime)
  const { isLoaded, state, mainPid } = await showUnit(unit, options, runtime)
  if (!isLoaded) throw noSuchUnit(unit)
  const found = mainPid === undefined ? undefined : await readProcess(mainPid, options, runtime)
  return found === undefined
    ? { running: false, text: `systemd says that it is ${state}, without a main process` }
    : { running: true, process: found }
}

function nameOf(target: Target): string {
  return target.unit ?? processName(target)
}

function stopped(target: Target, text: string): AppError {
  if (target.unit === undefined) return notRunning(target, text)
  return new AppError('ERR_DEPLOY', `${target.unit} is not running: ${text}`, {
    hint: `systemctl start ${target.unit}`,
  })
}
