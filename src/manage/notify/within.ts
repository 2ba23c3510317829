/** Work that may not take longer than a given time. */
import type { AppError } from '../../base/errors.ts'
import type { Clock } from '../../runtime/clock.ts'

export type WithinOptions = {
  readonly ms: number
  /** What the work ends with when the time is over. */
  readonly late: () => AppError
  readonly signal: AbortSignal
}

/**
 * Runs `work` with a signal that is aborted when the time is over or `signal` is; does not wait for work that goes on all
 * the same.
 */
export async function within<T>(
  { ms, late, signal }: WithinOptions,
  clock: Pick<Clock, 'sleep'>,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted()
  const [deadline, done] = [new AbortController(), new AbortController()]
  clock.sleep(ms, done.signal).then(
    () => deadline.abort(late()),
    () => {}, // the work was done before
  )
  const stop = AbortSignal.any([signal, deadline.signal])
  const { promise: stopped, reject } = Promise.withResolvers<never>()
  stopped.catch(() => {}) // whoever is still waiting sees it
  stop.addEventListener('abort', () => reject(stop.reason as Error), { once: true })
  try {
    return await Promise.race([work(stop), stopped])
  } finally {
    done.abort()
  }
}
