/** The real time. */
import { setTimeout as delay } from 'node:timers/promises'
import { instant } from '../../base/instant.ts'
import type { Clock } from '../clock.ts'

/** The longest delay a timer takes: beyond 2^31 - 1 ms it would fire at once. */
const maxTimerMs = 2 ** 31 - 1

/** The clocks of this machine. */
export function nodeClock(): Clock {
  return {
    now: () => instant(Date.now()),
    monotonic: () => performance.now(),
    sleep,
  }
}

async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted()
  const end = performance.now() + ms
  for (let left = ms; left > 0; left = end - performance.now()) {
    await delay(Math.min(left, maxTimerMs), undefined, signal ? { signal } : {}).catch((error: unknown) => {
      throw signal?.aborted ? signal.reason : error // the timer wraps the reason; callers want it bare
    })
  }
}
