/** Signals to processes of this machine. */
import type { SendSignal } from '../send-signal.ts'

/** Sends signals by the system's own call. Numbers that mean groups of processes are refused. */
export function nodeSendSignal(): SendSignal {
  return (pid, signal) => {
    if (!Number.isSafeInteger(pid) || pid < 1) throw new TypeError(`${pid} is not the id of a server`)
    process.kill(pid, `SIG${signal}`)
  }
}
