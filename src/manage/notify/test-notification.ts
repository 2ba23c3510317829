/** The notification that `certwright notify test` sends. Pure. */
import { formatInstant, type Instant } from '../../base/instant.ts'
import type { Notification } from '../../contracts/notifier.ts'

/** Says that it is a test, and nothing that could frighten anybody. */
export function testNotification({
  at,
  host,
  id,
}: {
  readonly at: Instant
  readonly host: string
  /** Another one for each test, or receivers would drop the second. */
  readonly id: string
}): Notification {
  return {
    id,
    kind: 'test',
    urgency: 'info',
    at,
    host,
    subject: `certwright on ${host}: a test of notifications`,
    items: [
      {
        key: 'test',
        text: `this is a test, asked for at ${formatInstant(at)}; nothing is wrong, and nothing is to be done`,
      },
    ],
  }
}
