/** Signals to the processes of servers. */
import { AppError, messageOf, systemCodeOf } from '../../../base/errors.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import type { ProcessSignal } from '../../../runtime/send-signal.ts'

/**
 * Sends a signal to the process of a server.
 * @throws AppError ERR_DEPLOY
 */
export function signalServer(
  { name, pid }: { readonly name: string; readonly pid: number },
  signal: ProcessSignal,
  { sendSignal }: Pick<Runtime, 'sendSignal'>,
): void {
  try {
    sendSignal(pid, signal)
  } catch (cause) {
    const hint = systemCodeOf(cause) === 'EPERM' ? 'run this as root, as the server is started' : undefined
    const what = `cannot send ${signal} to ${name} (pid ${pid})`
    throw new AppError('ERR_DEPLOY', `${what}: ${messageOf(cause)}`, { hint, cause })
  }
}
