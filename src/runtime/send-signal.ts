/** Signals to other processes. */

/** Signals that servers are told something with; some end them, for those that are started again by their supervisor. */
export const processSignals = ['HUP', 'USR1', 'USR2', 'WINCH', 'INT', 'QUIT', 'TERM'] as const
export type ProcessSignal = (typeof processSignals)[number]

/**
 * Sends one signal to one process.
 * @throws the system's own error: `ESRCH` where there is no such process, `EPERM` where it is another user's
 */
export type SendSignal = (pid: number, signal: ProcessSignal) => void
