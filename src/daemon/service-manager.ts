/**
 * Telling systemd how it goes (sd_notify), by the program `systemd-notify`: Node cannot send datagrams to a socket in the
 * file system. Without a manager that wants to know, nothing is run.
 */
import { isAppError, messageOf } from '../base/errors.ts'
import { secondMs } from '../base/instant.ts'
import type { Logger } from '../base/log.ts'
import { printable } from '../base/printable.ts'
import type { Runtime } from '../runtime/runtime.ts'

/** It waits at most five seconds until the manager has read the message. */
const notifyWithinMs = 10 * secondMs

export interface ServiceManager {
  /** How long it waits for a sign of life before it restarts the service; absent where it does not. */
  readonly watchdogMs?: number
  /** Sends assignments such as `READY=1`, after those that were sent before. Never throws. */
  notify(...assignments: readonly string[]): Promise<void>
}

/** The manager that this process was started by, as its environment names it. */
export function serviceManager(
  { log }: { readonly log: Logger },
  { environment, exec }: Pick<Runtime, 'environment' | 'exec'>,
): ServiceManager {
  const socket = environment('NOTIFY_SOCKET')
  if (socket === undefined || socket === '') return { notify: async () => {} }
  const watchdogMs = Number(environment('WATCHDOG_USEC') ?? 0) / 1_000
  const send = async (assignments: readonly string[]): Promise<void> => {
    try {
      const { exitCode, stderr } = await exec('systemd-notify', assignments, {
        env: { NOTIFY_SOCKET: socket },
        timeoutMs: notifyWithinMs,
      })
      if (exitCode !== 0)
        log('warn', 'service-manager-not-told', { what: assignments, error: printable(stderr.trim()) })
    } catch (error) {
      log('warn', 'service-manager-not-told', {
        what: assignments,
        error: messageOf(error),
        ...(isAppError(error) && { hint: error.hint }),
      })
    }
  }
  let last: Promise<void> = Promise.resolve()
  return {
    ...(watchdogMs > 0 && { watchdogMs }),
    notify: (...assignments) => {
      last = last.then(() => send(assignments))
      return last
    },
  }
}
