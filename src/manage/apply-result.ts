/** What became of one certificate in one run. */
import { type AppError, isAppError } from '../base/errors.ts'
import type { Instant } from '../base/instant.ts'
import type { TargetResult } from './execute/deploy.ts'
import type { Action } from './plan/action.ts'
import type { CertificateSpec } from './spec.ts'
import type { StoredCertificate } from './store/stored-certificate.ts'

/** What became of one certificate. `error` is there exactly when `outcome` is `failed` or `refused`. */
export type ApplyResult = {
  readonly spec: CertificateSpec
  /** What was to be done; absent where it failed before that was known. */
  readonly action?: Action
  readonly outcome: 'issued' | 'deployed' | 'unchanged' | 'waiting' | 'refused' | 'failed'
  readonly certificate?: StoredCertificate
  /** When the certificate is to be renewed. */
  readonly renewAt?: Instant
  readonly targets: readonly TargetResult[]
  readonly error?: AppError
  /** When what failed is tried again. */
  readonly retryAt?: Instant
}

/** A failure of one certificate as its result; what ends everything is thrown. */
export function failedResult(spec: CertificateSpec, error: unknown): ApplyResult {
  if (!isAppError(error) || error.code === 'ERR_ABORTED') throw error
  return { spec, outcome: 'failed', targets: [], error }
}

/** Nothing is to be done, or not yet. */
export type IdleAction = Extract<Action, { readonly kind: 'none' | 'wait' }>

/** Nothing was to be done, or not yet. */
export function idleResult(action: IdleAction): ApplyResult {
  const { spec } = action
  if (action.kind === 'wait') return { spec, action, outcome: 'waiting', targets: [], retryAt: action.until }
  const { certificate, renewAt } = action
  return { spec, action, outcome: 'unchanged', certificate, renewAt, targets: [] }
}
