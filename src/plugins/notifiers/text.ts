/** A notification as plain text, for everything that people read. */
import { formatDuration } from '../../base/duration.ts'
import { formatInstant, type Instant } from '../../base/instant.ts'
import { isTrouble, type Notification, type NotificationItem } from '../../contracts/notifier.ts'

/** More names than these say nothing more about which certificate it is. */
const maxNames = 10
const labelWidth = 'expires '.length

/**
 * Every item with what is known about it, a blank line between items that have details.
 * @param maxLength - in characters; items that do not fit are counted
 */
export function plainText(
  notification: Notification,
  { maxLength = Number.POSITIVE_INFINITY }: { readonly maxLength?: number } = {},
): string {
  const blocks = notification.items.map(item => itemLines(notification, item).join('\n'))
  const separator = blocks.some(block => block.includes('\n')) ? '\n\n' : '\n'
  const whole = blocks.join(separator)
  if (whole.length <= maxLength) return whole
  const room = maxLength - separator.length - rest(blocks.length).length
  let fitting = 0
  for (let length = 0; fitting < blocks.length; fitting++) {
    length += (blocks[fitting] ?? '').length + separator.length
    if (length > room) break
  }
  if (fitting === 0) return cut(whole, maxLength)
  return [...blocks.slice(0, fitting), rest(blocks.length - fitting)].join(separator)
}

/** An item in one line, for logs and titles. */
export function oneLine(notification: Notification, item: NotificationItem): string {
  const { cause, command } = item
  const parts = [
    headOf(item),
    ...(cause === undefined ? [] : [`cause: ${cause.replaceAll('\n', '; ')}`]),
    ...(isTrouble(notification.kind) ? [`next attempt: ${nextAttempt(item, notification.at)}`] : []),
    ...(command === undefined ? [] : [`run: ${command}`]),
  ]
  return parts.join('; ')
}

/** At most `maxLength` characters, the last one an ellipsis where something was left out. */
export function cut(text: string, maxLength: number): string {
  return text.length <= maxLength ? text : `${text.slice(0, maxLength - 1)}…`
}

function itemLines({ kind, at }: Notification, item: NotificationItem): readonly string[] {
  const { certificate, identifiers = [], cause, advice, command, expires } = item
  const head = headOf(item)
  if (!isTrouble(kind)) return [head]
  const others = identifiers.filter(name => name !== certificate)
  return [
    head,
    ...detail('cause', cause),
    ...detail('do', advice),
    ...detail('next', nextAttempt(item, at)),
    ...detail('run', command),
    ...detail('expires', expires === undefined ? undefined : whenText(expires, at)),
    ...detail('names', others.length === 0 ? undefined : namesText(identifiers)),
  ]
}

function headOf({ certificate, endpoint, text }: NotificationItem): string {
  const name = certificate ?? endpoint
  return name === undefined ? text : `${name}: ${text}`
}

function detail(label: string, value: string | undefined): readonly string[] {
  const [first, ...more] = value?.split('\n') ?? []
  if (first === undefined) return []
  return [`  ${label.padEnd(labelWidth)}${first}`, ...more.map(line => ' '.repeat(2 + labelWidth) + line)]
}

function nextAttempt({ nextAttemptAt }: NotificationItem, at: Instant): string {
  return nextAttemptAt === undefined ? 'with the next run of certwright apply' : whenText(nextAttemptAt, at)
}

function whenText(time: Instant, now: Instant): string {
  const span = formatDuration(time - now)
  return `${formatInstant(time)} (${time >= now ? `in ${span}` : `${span} ago`})`
}

function namesText(names: readonly string[]): string {
  const more = names.length - maxNames
  return `${names.slice(0, maxNames).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

function rest(count: number): string {
  return `… and ${count} more: certwright status shows all`
}
