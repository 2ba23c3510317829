/** What an aborted signal turns into. */
import { AppError, isAppError } from './errors.ts'

/** The error for work that `signal` ended; a reason that is an AppError itself is passed on. */
export function abortedError(signal: AbortSignal, what: string): AppError {
  const reason: unknown = signal.reason
  if (isAppError(reason)) return reason
  const timedOut = reason instanceof Error && reason.name === 'TimeoutError'
  return new AppError('ERR_ABORTED', timedOut ? `${what} ran into its deadline` : `${what} was cancelled`, {
    cause: reason,
  })
}

/** Starts `work` and settles as it does, or rejects with ERR_ABORTED as soon as `signal` is aborted. */
export async function unlessAborted<T>(
  work: () => Promise<T>,
  what: string,
  signal: AbortSignal,
): Promise<T> {
  if (signal.aborted) throw abortedError(signal, what)
  const { promise: ended, reject } = Promise.withResolvers<never>()
  const onAbort = (): void => reject(abortedError(signal, what))
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([work(), ended])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
