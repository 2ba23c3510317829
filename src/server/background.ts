/** Work that goes on after the reply was sent: a queue with a limit, ended when the server is disposed of. */
import { messageOf } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'
import type { Clock } from '../runtime/clock.ts'

export interface Background extends AsyncDisposable {
  /**
   * Starts the work as soon as fewer than the limit are running.
   * @param name - for the log, should the work throw
   * @returns a promise that resolves when the work is over, however it ended
   */
  start(name: string, work: (signal: AbortSignal) => Promise<void>): Promise<void>
}

/** A queue that runs at most `limit` pieces of work at a time. Disposing of it aborts them and waits for their end. */
export function createBackground({
  limit,
  log,
}: {
  readonly limit: number
  readonly log: Logger
}): Background {
  const ending = new AbortController()
  const waiting: (() => void)[] = []
  const unfinished = new Set<Promise<void>>()
  let running = 0

  const run = async (name: string, work: (signal: AbortSignal) => Promise<void>) => {
    if (running >= limit) {
      const { promise, resolve } = Promise.withResolvers<void>()
      waiting.push(resolve) // whoever ends hands its place over, so `running` stays as it is
      await promise
    } else running += 1
    try {
      if (!ending.signal.aborted) await work(ending.signal)
    } catch (error) {
      if (!ending.signal.aborted) log('error', 'background-work-failed', { name, error: messageOf(error) })
    } finally {
      const next = waiting.shift()
      if (next === undefined) running -= 1
      else next()
    }
  }
  return {
    async start(name, work) {
      const over = run(name, work)
      unfinished.add(over)
      await over
      unfinished.delete(over)
    },
    async [Symbol.asyncDispose]() {
      ending.abort()
      while (unfinished.size > 0) {
        await Promise.all(unfinished)
        await Promise.resolve()
      }
    },
  }
}

/** Waits for `work`, but no longer than `ms`. */
export async function waitAtMost(
  work: Promise<void>,
  ms: number,
  { clock }: { readonly clock: Clock },
): Promise<void> {
  if (ms <= 0) return
  const over = new AbortController()
  const late = clock.sleep(ms, over.signal).catch(() => {}) // the abort below is its normal end
  await Promise.race([work, late])
  over.abort()
  await late
}
