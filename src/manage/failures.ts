/** Failures of one certificate, counted over its runs until something succeeds. */
import type { AppError } from '../base/errors.ts'
import type { Instant } from '../base/instant.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { basisOf } from './plan/basis.ts'
import { countFailure } from './plan/retry-time.ts'
import type { Recollection } from './recollection.ts'
import type { CertificateSpec } from './spec.ts'
import { type Attempts, writeAttempts } from './store/attempts.ts'

export type Failures = {
  /** Counts a failure; what it resolves to belongs into the result. */
  readonly failed: (
    kind: keyof Attempts,
    error: AppError,
  ) => Promise<{ readonly outcome: 'failed'; readonly error: AppError; readonly retryAt: Instant }>
  /** Forgets those of a kind. */
  readonly succeeded: (kind: keyof Attempts) => Promise<void>
  /** Forgets all: what failed to be written down as a success has become one. */
  readonly settled: () => Promise<void>
}

export type FailuresOptions = {
  readonly spec: CertificateSpec
  /** Those of earlier runs. */
  readonly earlier: Attempts
  /** How long the certificate lives that there is, in milliseconds. */
  readonly lifetimeMs?: number | undefined
  /** Where they are kept when they cannot be written down. */
  readonly recollection?: Pick<Recollection, 'attempts'> | undefined
}

/** The failures of a spec. */
export function countFailures(
  state: string,
  { spec, earlier, lifetimeMs, recollection }: FailuresOptions,
  runtime: Pick<Runtime, 'files' | 'clock' | 'random'>,
): Failures {
  let attempts = earlier
  const keep = async (next: Attempts): Promise<void> => {
    attempts = next
    recollection?.attempts.set(spec.name, next)
    await writeAttempts(state, spec.name, next, runtime)
    recollection?.attempts.delete(spec.name)
  }
  const forget = async (...kinds: readonly (keyof Attempts)[]): Promise<void> => {
    if (kinds.every(kind => attempts[kind] === undefined)) return
    const others = Object.entries(attempts).filter(([kind]) => !kinds.some(one => one === kind))
    await keep(Object.fromEntries(others))
  }
  return {
    failed: async (kind, error) => {
      const failed = countFailure(error, attempts[kind], {
        basis: basisOf(spec),
        now: runtime.clock.now(),
        fraction: runtime.random.fraction(),
        lifetimeMs,
      })
      // What cannot be written down is no reason to hide what failed.
      await keep({ ...attempts, [kind]: failed }).catch(() => {})
      return { outcome: 'failed', error, retryAt: failed.retryAt }
    },
    succeeded: kind => forget(kind),
    settled: () => forget('issuance', 'delivery'),
  }
}
