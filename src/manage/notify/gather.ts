/** From single findings to notifications. Pure. */
import type { Instant } from '../../base/instant.ts'
import { sha256Hex } from '../../base/sha256.ts'
import {
  type Notification,
  type NotificationItem,
  type NotificationKind,
  type Urgency,
  urgencies,
} from '../../contracts/notifier.ts'
import { subjectText } from './words.ts'

/** One item, and the notification it belongs to. */
export type Finding = {
  readonly kind: Exclude<NotificationKind, 'test'>
  readonly urgency: Urgency
  readonly settles?: Urgency
  readonly item: NotificationItem
}

/** What a mail program and a chat can show; more is another notification. */
const maxItems = 200

/** One notification for all of a kind and urgency, the most urgent first. */
export function gather(
  findings: readonly Finding[],
  { at, host }: { readonly at: Instant; readonly host: string },
): readonly Notification[] {
  const groups: Finding[][] = []
  for (const finding of findings) {
    const { kind, urgency, settles } = finding
    const group = groups.find(
      ({ 0: first, length }) =>
        first?.kind === kind &&
        first.urgency === urgency &&
        first.settles === settles &&
        isEndpoint(first) === isEndpoint(finding) &&
        length < maxItems,
    )
    if (group === undefined) groups.push([finding])
    else group.push(finding)
  }
  return groups
    .map(group => toNotification(group, { at, host }))
    .sort((one, other) => urgencies.indexOf(other.urgency) - urgencies.indexOf(one.urgency))
}

function isEndpoint({ item }: Finding): boolean {
  return item.endpoint !== undefined
}

function toNotification(
  group: readonly Finding[],
  { at, host }: { readonly at: Instant; readonly host: string },
): Notification {
  const [first] = group
  if (first === undefined) throw new TypeError('a group begins with its first finding')
  const { kind, urgency, settles } = first
  const items = group.map(({ item }) => item)
  const names = items.map(({ certificate, endpoint = '' }) => certificate ?? endpoint)
  const expired = items.every(({ expires }) => expires !== undefined && expires <= at)
  const content = {
    kind,
    urgency,
    ...(settles !== undefined && { settles }),
    at,
    host,
    subject: subjectText(kind, names, {
      host,
      expired,
      noun: isEndpoint(first) ? 'endpoints' : 'certificates',
    }),
    items,
  }
  return { id: notificationId(content), ...content }
}

/** Equal content has an equal id, in whatever process it is decided. */
function notificationId(content: Omit<Notification, 'id'>): string {
  return sha256Hex(JSON.stringify(content)).slice(0, idLength)
}

const idLength = 32
