/** A server that reads its files when it gets a signal, found by its pid file or its name: no service manager is needed. */
import { AppError, messageOf, systemCodeOf } from '../../../base/errors.ts'
import type { Deployer } from '../../../contracts/deployer.ts'
import type { TargetOptions } from '../../../contracts/target-options.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import type { ProcessSignal } from '../../../runtime/send-signal.ts'
import { createServiceDeployer, type ServiceRuntime } from '../service.ts'
import { readProcess } from './processes.ts'
import { notRunning, processName, type SearchRuntime, searchProcess } from './search.ts'

type ProcessRuntime = ServiceRuntime & SearchRuntime & Pick<Runtime, 'sendSignal'>
type Target = TargetOptions<'process'>

/** Signals that nobody sends to go on with the same process. */
const endingSignals: ReadonlySet<ProcessSignal> = new Set(['INT', 'QUIT', 'TERM'])
/** A program that does not know a signal ends at once; one that cannot read its files, soon. */
const mayEndWithinMs = 300

/** A deployer for one process. */
export function createProcessDeployer(target: Target, runtime: ProcessRuntime): Deployer {
  return createServiceDeployer(
    'process',
    target,
    {
      source: processName(target),
      obstacle: async options => {
        const found = await searchProcess(target, options, runtime)
        return found.running ? undefined : { state: 'not-running', error: notRunning(target, found.text) }
      },
      activate: options => signalProcess(target, options, runtime),
    },
    runtime,
  )
}

async function signalProcess(
  target: Target,
  { signal: abort }: { readonly signal: AbortSignal },
  runtime: ProcessRuntime,
): Promise<void> {
  const { signal = 'HUP' } = target
  const found = await searchProcess(target, { signal: abort }, runtime)
  if (!found.running) throw notRunning(target, found.text)
  const { pid } = found.process
  send(target, pid, signal, runtime)
  if (endingSignals.has(signal)) return
  await runtime.clock.sleep(mayEndWithinMs, abort)
  if ((await readProcess(pid, { signal: abort }, runtime)) !== undefined) return
  const successor = await searchProcess(target, { signal: abort }, runtime)
  if (successor.running) return
  throw new AppError('ERR_DEPLOY', `${processName(target)} ended when it was sent ${signal}`, {
    hint: 'start it again, and see its log; if it does not know the signal, use another one, or exec',
  })
}

function send(
  target: Target,
  pid: number,
  signal: ProcessSignal,
  { sendSignal }: Pick<Runtime, 'sendSignal'>,
): void {
  try {
    sendSignal(pid, signal)
  } catch (cause) {
    const hint =
      systemCodeOf(cause) === 'EPERM' ? 'run certwright as root, or as the user of the server' : undefined
    const what = `cannot send ${signal} to ${processName(target)} (pid ${pid})`
    throw new AppError('ERR_DEPLOY', `${what}: ${messageOf(cause)}`, { hint, cause })
  }
}
