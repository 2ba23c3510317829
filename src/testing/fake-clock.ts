/** A clock that tests move. */
import { type Instant, instant, plusMs } from '../base/instant.ts'
import type { Clock } from '../runtime/clock.ts'

/** A {@link Clock} under a test's control. */
export interface FakeClock extends Clock {
  /** Moves both clocks on and ends the sleeps that are over, in order; resolves when their continuations have run. */
  advance(ms: number): Promise<void>
  /**
   * Moves both clocks from the end of one sleep to the next until the work has ended: a day of waiting in no time, and every
   * deadline in its place. For work that waits for nothing but sleeps and promises.
   */
  through<T>(work: Promise<T>): Promise<T>
  /** Moves only the wall clock, forwards or back, as an administrator or a dead battery does. */
  jump(ms: number): void
  /** How many sleeps are under way. */
  readonly sleepers: number
}

export type FakeClockOptions = {
  /** The wall clock at the beginning; by default 2030-01-01T00:00:00Z. */
  readonly now?: Instant
  /** Whether a sleep ends at once and takes the clock along, so that code that waits runs through. */
  readonly autoAdvance?: boolean
}

const defaultNow = instant(Date.UTC(2030, 0, 1))

/** A clock that stands still until it is moved. */
export function fakeClock({ now = defaultNow, autoAdvance = false }: FakeClockOptions = {}): FakeClock {
  const sleeps = new Set<Sleep>()
  let wall = now
  let elapsedMs = 0
  const move = (ms: number): void => {
    wall = plusMs(wall, ms)
    elapsedMs += ms
  }
  const earliest = (): Sleep | undefined => [...sleeps].sort((one, other) => one.until - other.until)[0]
  const end = async (sleep: Sleep): Promise<void> => {
    move(Math.max(sleep.until - elapsedMs, 0))
    sleeps.delete(sleep)
    sleep.wake()
    await settle()
  }

  return {
    now: () => wall,
    monotonic: () => elapsedMs,
    sleep: async (ms, signal) => {
      signal?.throwIfAborted()
      if (!autoAdvance) return await sleepUntil(sleeps, elapsedMs + ms, signal)
      const until = elapsedMs + ms
      await settle() // others may go to sleep at the same instant; each ends at its own time
      signal?.throwIfAborted()
      if (until > elapsedMs) move(until - elapsedMs)
    },
    advance: async ms => {
      const until = elapsedMs + ms
      await settle()
      for (let next = earliest(); next !== undefined && next.until <= until; next = earliest())
        await end(next)
      move(until - elapsedMs)
    },
    through: async work => {
      const ended = new AbortController()
      const onEnd = () => ended.abort()
      work.then(onEnd, onEnd)
      await settle()
      while (!ended.signal.aborted) {
        const next = earliest()
        await (next === undefined ? settle() : end(next))
      }
      return await work
    },
    jump: ms => {
      wall = plusMs(wall, ms)
    },
    get sleepers() {
      return sleeps.size
    },
  }
}

type Sleep = { readonly until: number; readonly wake: () => void }

function sleepUntil(sleeps: Set<Sleep>, until: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      sleeps.delete(sleep)
      reject(signal?.reason as Error) // whatever was given as the reason is what the contract promises
    }
    const wake = (): void => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    }
    const sleep = { until, wake }
    sleeps.add(sleep)
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

/** Lets everything run that waits for nothing but promises. */
function settle(): Promise<void> {
  return new Promise(resolve => {
    setImmediate(resolve)
  })
}
