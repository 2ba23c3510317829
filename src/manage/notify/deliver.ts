/** Sending notifications: to all notifiers at once, to each in order, nobody waiting for another. */
import { AppError, isAppError, messageOf } from '../../base/errors.ts'
import { secondMs } from '../../base/instant.ts'
import { printable } from '../../base/printable.ts'
import type { Notification, Notifier } from '../../contracts/notifier.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { NotifierChoice } from './choice.ts'
import { within } from './within.ts'

const defaultWithinMs = 10 * secondMs

/** What one notifier is to send, the oldest first. */
export type Outgoing = { readonly choice: NotifierChoice; readonly notifications: readonly Notification[] }

/** What became of it. `error` is there exactly when something is left in `unsent`. */
export type Delivery = {
  /** The label of the notifier. */
  readonly notifier: string
  readonly sent: number
  readonly unsent: readonly Notification[]
  readonly error?: AppError
}

export type DeliverOptions = {
  readonly notifierFor: (choice: NotifierChoice) => Promise<Notifier>
  readonly signal: AbortSignal
}

/** Sends everything. Never throws: what could not be sent is in the result, with the reason (ERR_NOTIFY). */
export function deliverNotifications(
  outgoing: readonly Outgoing[],
  options: DeliverOptions,
  runtime: Pick<Runtime, 'clock'>,
): Promise<readonly Delivery[]> {
  return Promise.all(outgoing.map(one => deliverOne(one, options, runtime)))
}

async function deliverOne(
  { choice, notifications }: Outgoing,
  { notifierFor, signal }: DeliverOptions,
  { clock }: Pick<Runtime, 'clock'>,
): Promise<Delivery> {
  const { label } = choice
  let sent = 0
  try {
    if (notifications.length === 0) return { notifier: label, sent, unsent: [] }
    const notifier = await notifierFor(choice)
    const ms = notifier.withinMs ?? defaultWithinMs
    const late = () =>
      new AppError('ERR_NOTIFY', `it did not take the notification within ${ms / secondMs} s`)
    for (const notification of notifications) {
      await within({ ms, late, signal }, clock, stop => notifier.send(notification, { signal: stop }))
      sent++
    }
    return { notifier: label, sent, unsent: [] }
  } catch (error) {
    return { notifier: label, sent, unsent: notifications.slice(sent), error: notifyError(label, error) }
  }
}

// Without the cause: what notifiers throw is free of secrets, what is behind it may not be.
function notifyError(label: string, error: unknown): AppError {
  const hint = isAppError(error) ? error.hint : undefined
  const text = printable(messageOf(error), maxMessageLength)
  const namesIt = text.startsWith(`${label}:`) || text.startsWith(`${label} `)
  const what = namesIt ? text : `${label}: ${text}`
  return new AppError('ERR_NOTIFY', what, { hint: hint ?? `certwright notify test --only ${label}` })
}

const maxMessageLength = 600
