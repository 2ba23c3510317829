/** Failures of one certificate, counted over its runs until something succeeds. */
import type { AppError } from '../base/errors.ts'
import type { Instant } from '../base/instant.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { basisOf } from './plan/basis.ts'
import { countFailure } from './plan/retry-time.ts'
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

/** The failures of a spec, beginning with those of earlier runs. */
export function countFailures(
  state: string,
  spec: CertificateSpec,
  earlier: Attempts,
  runtime: Pick<Runtime, 'files' | 'clock' | 'random'>,
): Failures {
  let attempts = earlier
  const forget = async (...kinds: readonly (keyof Attempts)[]): Promise<void> => {
    if (kinds.every(kind => attempts[kind] === undefined)) return
    const kept = Object.entries(attempts).filter(([kind]) => !kinds.some(one => one === kind))
    attempts = Object.fromEntries(kept)
    await writeAttempts(state, spec.name, attempts, runtime)
  }
  return {
    failed: async (kind, error) => {
      const failed = countFailure(error, attempts[kind], {
        basis: basisOf(spec),
        now: runtime.clock.now(),
        fraction: runtime.random.fraction(),
      })
      attempts = { ...attempts, [kind]: failed }
      // What cannot be written down is no reason to hide what failed.
      await writeAttempts(state, spec.name, attempts, runtime).catch(() => {})
      return { outcome: 'failed', error, retryAt: failed.retryAt }
    },
    succeeded: kind => forget(kind),
    settled: () => forget('issuance', 'delivery'),
  }
}
