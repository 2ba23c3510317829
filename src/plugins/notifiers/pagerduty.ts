/** Incidents of PagerDuty, by the Events API v2: opened by a trouble, resolved by its end. */
import { mapConcurrently } from '../../base/concurrent.ts'
import { formatInstant } from '../../base/instant.ts'
import { notificationJson } from '../../contracts/notification-json.ts'
import {
  isTrouble,
  type Notification,
  type NotificationItem,
  type Notifier,
  type NotifierRuntime,
} from '../../contracts/notifier.ts'
import type { NotifierOptions } from '../../contracts/notifier-options.ts'
import { readSecret } from '../../contracts/secret.ts'
import { sendToService } from './exchange.ts'
import { cut, oneLine } from './text.ts'

const publicServer = 'https://events.pagerduty.com'
const maxSummaryLength = 1_024
const maxKeyLength = 255
const eventsAtOnce = 8

type Event = 'trigger' | 'resolve'

/** A notifier for one service. Each certificate has an incident of its own; renewals are none. */
export function createPagerdutyNotifier(
  { 'routing-key': reference, server = publicServer }: NotifierOptions<'pagerduty'>,
  runtime: NotifierRuntime,
): Notifier {
  return {
    name: 'pagerduty',
    send: async (notification, { signal }) => {
      const key = await readSecret(reference, runtime)
      const send = (item: NotificationItem, event: Event) =>
        sendToService(
          {
            service: 'pagerduty',
            url: `${server.replace(/\/+$/, '')}/v2/enqueue`,
            body: JSON.stringify({ routing_key: key, ...eventOf(notification, item, event) }),
            secrets: [key],
            signal,
          },
          runtime,
        )
      for (const event of eventsFor(notification)) {
        await mapConcurrently(notification.items, eventsAtOnce, item => send(item, event))
      }
    },
  }
}

/** A test opens an incident and closes it again. */
function eventsFor({ kind }: Notification): readonly Event[] {
  if (kind === 'test') return ['trigger', 'resolve']
  if (kind === 'recovered') return ['resolve']
  return isTrouble(kind) ? ['trigger'] : []
}

function eventOf(notification: Notification, item: NotificationItem, event: Event): object {
  const { host, urgency, at, kind } = notification
  const identity = { event_action: event, dedup_key: cut(`certwright/${host}/${item.key}`, maxKeyLength) }
  if (event === 'resolve') return identity
  return {
    ...identity,
    client: 'certwright',
    payload: {
      summary: cut(oneLine(notification, item), maxSummaryLength),
      source: host,
      severity: urgency,
      timestamp: formatInstant(at),
      component: item.certificate ?? item.endpoint,
      class: kind,
      custom_details: notificationJson({ ...notification, items: [item] }),
    },
  }
}
