/** Trying again: the only place of the client that waits. */
import { AcmeProblemError } from '../acme/problem.ts'
import { type Backoff, backoffMs } from '../base/backoff.ts'
import { isAppError } from '../base/errors.ts'
import { type Instant, secondMs } from '../base/instant.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Random } from '../runtime/random.ts'

/** Pauses of about 1, 3 and 9 s: enough for a restart of the CA, short enough for somebody who looks on. */
export const faultBackoff: Backoff = { firstMs: secondMs, factor: 3, maxMs: 10 * secondMs, attempts: 4 }
/** Longest Retry-After that is waited for here; a longer one is the caller's to plan with. */
export const maxInlineRetryMs = 10 * secondMs

/** What is known when an attempt has failed. */
export type FailedAttempt = {
  /** Attempts made, this one included. */
  readonly attempt: number
  /** Whether sending the same request twice does no harm. */
  readonly repeatable: boolean
  readonly now: Instant
  /** Random, from 0 up to 1. */
  readonly fraction: number
}

/**
 * How long to wait before the next attempt.
 * @returns milliseconds, or `undefined` when the error is final: the CA's own "no", a fault that lasts, a request that may
 * have taken effect, a wait that is too long, or one attempt too many
 */
export function pauseAfter(
  error: unknown,
  { attempt, repeatable, now, fraction }: FailedAttempt,
): number | undefined {
  if (attempt >= faultBackoff.attempts) return undefined
  if (isAppError(error) && error.lasting) return undefined
  const pauseMs = backoffMs(faultBackoff, attempt, fraction)
  if (isAppError(error, 'ERR_NETWORK', 'ERR_TIMEOUT')) return pauseMs
  if (isAppError(error, 'ERR_REPLY_LOST')) return repeatable ? pauseMs : undefined
  if (!(error instanceof AcmeProblemError)) return undefined
  const { status = 0 } = error.problem
  if (status !== 429 && status < 500) return undefined
  if (error.retryAt === undefined) return status === 429 ? undefined : pauseMs
  const askedMs = Math.max(error.retryAt - now, 0)
  return askedMs <= maxInlineRetryMs ? askedMs : undefined
}

/** Runs `attempt` until it succeeds or {@link pauseAfter} gives up; then throws its last error. */
export async function withRetries<T>(
  attempt: () => Promise<T>,
  {
    repeatable,
    onRetry,
    signal,
  }: {
    readonly repeatable: boolean
    readonly onRetry: (error: unknown, pauseMs: number) => void
    readonly signal: AbortSignal
  },
  { clock, random }: { readonly clock: Clock; readonly random: Pick<Random, 'fraction'> },
): Promise<T> {
  for (let made = 1; ; made += 1) {
    try {
      return await attempt()
    } catch (error) {
      const known = { attempt: made, repeatable, now: clock.now(), fraction: random.fraction() }
      const pauseMs = pauseAfter(error, known)
      if (pauseMs === undefined) throw error
      onRetry(error, pauseMs)
      await clock.sleep(pauseMs, signal)
    }
  }
}
