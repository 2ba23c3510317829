/** Notifications to send in tests. */
import { hourMs, instant, plusMs } from '../base/instant.ts'
import type { Notification, NotificationItem, NotificationKind } from '../contracts/notifier.ts'

const at = instant(Date.UTC(2030, 0, 1))

/** A trouble with everything that a trouble can have. */
export const troubleItem: NotificationItem = {
  key: 'a.example',
  certificate: 'a.example',
  identifiers: ['a.example', 'www.a.example'],
  text: 'it could not be renewed (2nd attempt since 2029-12-31T00:00:00Z)',
  cause: 'the CA could not validate a.example\n192.0.2.1: refused <&"> ```',
  advice: 'see that port 80 is open',
  nextAttemptAt: plusMs(at, 6 * hourMs),
  command: 'certwright apply --only a.example',
  expires: plusMs(at, 72 * hourMs),
}

/** A notification of that kind about `a.example`; `more` puts other values in their places. */
export function sampleNotification(kind: NotificationKind, more: Partial<Notification> = {}): Notification {
  const trouble = kind !== 'renewed' && kind !== 'recovered' && kind !== 'test'
  const { key, certificate = '' } = troubleItem
  return {
    id: '00112233445566778899aabbccddeeff',
    kind,
    urgency: trouble ? 'warning' : 'info',
    at,
    host: 'web1.test',
    subject: `certwright on web1.test: ${kind}`,
    items: [trouble ? troubleItem : { key, certificate, text: 'all is well' }],
    ...more,
  }
}
