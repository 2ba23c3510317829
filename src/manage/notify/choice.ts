/** Which notifiers are configured, and which of them a notification is for. Pure. */
import {
  type Notification,
  type NotificationKind,
  type Urgency,
  urgencies,
} from '../../contracts/notifier.ts'
import type { Json } from '../../contracts/solver.ts'

/** A notifier as the registry takes it, and what it is to be sent. */
export type NotifierChoice = {
  readonly name: string
  /** Its name, with a number where there are several of that name: `email`, `email-2`. */
  readonly label: string
  /** As in the configuration: secrets by reference. */
  readonly options: Readonly<Record<string, Json>>
  /** Only these kinds; all when absent. */
  readonly on?: readonly NotificationKind[]
  readonly atLeast?: Urgency
}

/** Whether a notifier is to be sent a notification. A test is for all; an end is for those who were told of the trouble. */
export function isFor(
  { on, atLeast = 'info' }: Pick<NotifierChoice, 'on' | 'atLeast'>,
  { kind, urgency, settles }: Pick<Notification, 'kind' | 'urgency' | 'settles'>,
): boolean {
  if (kind === 'test') return true
  if (on !== undefined && !on.includes(kind)) return false
  return urgencies.indexOf(settles ?? urgency) >= urgencies.indexOf(atLeast)
}
