/** So many at a time, the others in line. */
import { abortedError } from './aborted.ts'

/** Runs `work` when it is its turn; a signal that is aborted meanwhile takes it out of the line (ERR_ABORTED). */
export type Limit = <T>(signal: AbortSignal | undefined, work: () => Promise<T>) => Promise<T>

/** A {@link Limit} of `slots` at a time, first come, first served. */
export function createLimit(slots: number): Limit {
  const waiting = new Set<() => void>()
  let free = slots

  const enter = (signal: AbortSignal | undefined): Promise<void> =>
    new Promise((resolve, reject) => {
      const onTurn = (): void => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      }
      const onAbort = (): void => {
        waiting.delete(onTurn)
        if (signal) reject(abortedError(signal, 'waiting for its turn'))
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      waiting.add(onTurn)
    })
  const leave = (): void => {
    const [next] = waiting
    if (next === undefined) free += 1
    else {
      waiting.delete(next)
      next()
    }
  }

  return async (signal, work) => {
    if (free > 0) free -= 1
    else await enter(signal)
    try {
      return await work()
    } finally {
      leave()
    }
  }
}
