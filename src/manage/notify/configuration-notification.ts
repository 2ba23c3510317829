/** What people are told when a daemon cannot use its configuration any more, and when it can again. Pure. */
import type { AppError } from '../../base/errors.ts'
import type { Instant } from '../../base/instant.ts'
import { printable } from '../../base/printable.ts'
import type { Notification, NotificationItem } from '../../contracts/notifier.ts'

const key = 'configuration'

/**
 * The trouble, or its end.
 * @param error - why the files as they are now cannot be used; absent where they can be again
 */
export function configurationNotification(
  error: AppError | undefined,
  { at, host, id }: Pick<Notification, 'host' | 'id'> & { readonly at: Instant },
): Notification {
  const common = { id, at, host }
  if (error === undefined) {
    return {
      ...common,
      ...{ kind: 'recovered', urgency: 'info', settles: 'warning' },
      subject: `certwright on ${host}: the configuration is in order again`,
      items: [{ key, text: 'the configuration is read and in use' }],
    }
  }
  const item: NotificationItem = {
    key,
    text: 'the configuration cannot be used as it is now; what was read before stays in use until it is mended',
    cause: error.message
      .split('\n')
      .map(line => printable(line))
      .join('\n'),
    ...(error.hint !== undefined && { advice: printable(error.hint) }),
    command: 'certwright config check',
  }
  return {
    ...common,
    ...{ kind: 'action-needed', urgency: 'warning' },
    subject: `certwright on ${host}: the configuration cannot be used`,
    items: [item],
  }
}
