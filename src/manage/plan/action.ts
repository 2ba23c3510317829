/** What is to be done for one certificate, and why. */
import type { Instant } from '../../base/instant.ts'
import type { CertificateSpec } from '../spec.ts'
import type { StoredCertificate } from '../store/stored-certificate.ts'

/** Why an action is taken; the codes are stable. */
export const reasonCodes = [
  'no-certificate',
  'unfinished-run',
  'identifiers-differ',
  'key-type-differs',
  'key-differs',
  'authority-differs',
  'revoked',
  'expired',
  'renewal-due',
  'renewal-advised',
  'safety-margin',
  'pair-due',
  'forced',
  'rehearsal-left',
  'never-deployed',
  'not-live',
  'deployment-failed',
  'deployed-copy-differs',
  'endpoint-differs',
  'endpoint-silent',
  'hook-outstanding',
  'retry-later',
  'outside-window',
  'pair-incomplete',
  'budget-spent',
  'up-to-date',
] as const
export type ReasonCode = (typeof reasonCodes)[number]
export type Reason = { readonly code: ReasonCode; readonly text: string }

/** One certificate's next step. An issuance includes the deployment that follows it. */
export type Action = { readonly spec: CertificateSpec; readonly reason: Reason } & (
  | { readonly kind: 'issue'; readonly replaces?: StoredCertificate }
  | { readonly kind: 'deploy'; readonly certificate: StoredCertificate }
  | { readonly kind: 'wait'; readonly until: Instant }
  | {
      readonly kind: 'none'
      readonly certificate: StoredCertificate
      readonly renewAt: Instant
      /** When there is something to look at again; not after `renewAt`. */
      readonly wakeAt: Instant
    }
)

/** What is wanted of an action, before it is known whether it must wait. */
export type Wanted = Reason & {
  /** Nothing is lost by doing it in the next maintenance window. */
  readonly canWait: boolean
}
