/** What tells people, and what they are told. */
import type { Instant } from '../base/instant.ts'
import type { Runtime } from '../runtime/runtime.ts'

/** What a notification is about. All of one kind and urgency that one run found is one notification. */
export const notificationKinds = [
  /** Certificates were issued or delivered, and nothing had been wrong. */
  'renewed',
  /** No certificate was obtained; it is tried again. */
  'failed',
  /** There is a new certificate, and servers do not use it. */
  'deploy-not-effective',
  /** A certificate that should have been renewed ends soon, or has ended. */
  'expiry-near',
  /** A monitored endpoint does not answer, or does not show what it should. */
  'endpoint',
  /** What was told before is over. */
  'recovered',
  /** Trying again will not help: a person has to change something. */
  'action-needed',
  /** Somebody asked for it. */
  'test',
] as const
export type NotificationKind = (typeof notificationKinds)[number]

/** From lowest to highest. */
export const urgencies = ['info', 'warning', 'critical'] as const
export type Urgency = (typeof urgencies)[number]

/** One certificate, or one monitored endpoint, in a notification. Texts are safe to show: no control characters but line feeds in `cause`. */
export type NotificationItem = {
  /** Equal for a trouble, for its repetitions and for its end. */
  readonly key: string
  /** The name of the certificate's entry. */
  readonly certificate?: string
  /** A monitored endpoint as it was written: then there is no certificate. */
  readonly endpoint?: string
  readonly identifiers?: readonly string[]
  /** What happened, in words that follow the name and a colon. */
  readonly text: string
  /** May have several lines. */
  readonly cause?: string
  /** What a person can do. */
  readonly advice?: string
  /** Absent in a trouble: with the next run. */
  readonly nextAttemptAt?: Instant
  /** What to type. */
  readonly command?: string
  /** The end of the certificate that servers are given. */
  readonly expires?: Instant
}

export type Notification = {
  /** Equal when the same is sent again, so that receivers can drop it. */
  readonly id: string
  readonly kind: NotificationKind
  readonly urgency: Urgency
  /** For `recovered`: the highest urgency of what is over. */
  readonly settles?: Urgency
  readonly at: Instant
  /** The machine that it is about. */
  readonly host: string
  /** One line. */
  readonly subject: string
  /** At least one. */
  readonly items: readonly NotificationItem[]
}

/** Whether a kind says that something is wrong. */
export function isTrouble(kind: NotificationKind): boolean {
  return kind !== 'renewed' && kind !== 'recovered' && kind !== 'test'
}

/** What notifiers work with. They read their secrets when they send, so that these can be replaced at any time. */
export type NotifierRuntime = Pick<Runtime, 'clock' | 'environment' | 'exec' | 'files' | 'hostName' | 'http'>

/** A way to people. */
export interface Notifier {
  readonly name: string
  /** How long `send` may take, in milliseconds; 10 s when absent. */
  readonly withinMs?: number
  /**
   * Resolves when the notification was taken over. MUST be safe to repeat; MAY leave kinds out that mean nothing there.
   * @throws AppError ERR_NOTIFY that says which target answered what, cut and printable; NEVER a secret, not in `cause` either
   */
  send(notification: Notification, options: { readonly signal: AbortSignal }): Promise<void>
}
