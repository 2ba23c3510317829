/** The life of a certificate as it is told to people: what was, what is, what comes next. */
import type { Instant } from '../../base/instant.ts'
import type { EndpointResult } from '../observe/endpoint-result.ts'
import type { CertificateView } from '../observe/observation.ts'
import type { Action } from '../plan/action.ts'
import type { CertificateSpec } from '../spec.ts'
import type { HistoryEntry, HistoryKind } from '../store/history.ts'
import type { StoredCertificate } from '../store/stored-certificate.ts'

/** What lies ahead of a certificate. */
export const futureKinds = [
  'attempt',
  'advice-check',
  'window-opens',
  'renewal',
  'window-closes',
  'safety-margin',
  'expiry',
] as const
export type FutureKind = (typeof futureKinds)[number]

/** One point of a timeline. */
export type TimelineEntry = {
  readonly at: Instant
  readonly kind: HistoryKind | FutureKind
  readonly text: string
  readonly hint?: string
  /** How often, where more than once, and the last time. */
  readonly count?: number
  readonly lastAt?: Instant
}

/** Where a certificate was delivered, and what is served there. */
export type Sight = {
  readonly target: string
  /** The generation that was delivered last, and when. */
  readonly generation?: string
  readonly at?: Instant
  readonly endpoints: readonly EndpointResult[]
  /** Why the target could not be asked, or what became of the last delivery. */
  readonly failure?: { readonly message: string; readonly hint?: string | undefined }
}

/** What happens next, and when; now where there is no instant. */
export type NextStep = { readonly text: string; readonly at?: Instant }

/** All that is known of a certificate, in the order of time. */
export type Timeline = {
  readonly name: string
  readonly now: Instant
  /** The newest generation. */
  readonly certificate?: StoredCertificate
  readonly past: readonly TimelineEntry[]
  /** What is to be done, and why; absent for a certificate that is not configured. */
  readonly action?: Action
  readonly sights: readonly Sight[]
  readonly future: readonly TimelineEntry[]
  readonly next: NextStep
}

export type TimelineFacts = {
  /** Absent where the configuration does not know the certificate. */
  readonly spec: CertificateSpec | undefined
  /** By `planCertificate`; absent without a spec. */
  readonly action: Action | undefined
  readonly view: CertificateView
  readonly history: readonly HistoryEntry[]
  readonly sights: readonly Sight[]
  readonly timeZone: string | undefined
}
