/** Time. */
import type { Instant } from '../base/instant.ts'

export interface Clock {
  /** The wall clock. */
  now(): Instant
  /** Milliseconds on a clock that never jumps; only differences mean something. */
  monotonic(): number
  /** Resolves after `ms` milliseconds; rejects with the signal's reason when it is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}
