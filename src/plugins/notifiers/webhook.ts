/** Any service that takes JSON: the body is documented, signed and dated. */
import { createHmac } from 'node:crypto'
import { secondMs } from '../../base/instant.ts'
import { notificationJson } from '../../contracts/notification-json.ts'
import type { Notifier, NotifierRuntime } from '../../contracts/notifier.ts'
import type { NotifierOptions } from '../../contracts/notifier-options.ts'
import { readSecret } from '../../contracts/secret.ts'
import { resolveUrl, sendToService } from './exchange.ts'

/** A notifier that posts the notification itself. */
export function createWebhookNotifier(
  { url: where, secret: reference, trust }: NotifierOptions<'webhook'>,
  runtime: NotifierRuntime,
): Notifier {
  return {
    name: 'webhook',
    send: async (notification, { signal }) => {
      const { url, secrets } = await resolveUrl(where, 'webhook', runtime)
      const body = JSON.stringify(notificationJson(notification))
      const timestamp = String(Math.floor(runtime.clock.now() / secondMs))
      const secret = reference === undefined ? undefined : await readSecret(reference, runtime)
      const headers = {
        'certwright-id': notification.id,
        'certwright-timestamp': timestamp,
        ...(secret !== undefined && { 'certwright-signature': signature(secret, timestamp, body) }),
      }
      const kept = secret === undefined ? secrets : [...secrets, secret]
      await sendToService({ service: 'webhook', url, headers, body, trust, secrets: kept, signal }, runtime)
    },
  }
}

/** `v1=` and the hexadecimal HMAC-SHA256 of the timestamp, a dot and the body: an old body cannot be sent as a new one. */
export function signature(secret: string, timestamp: string, body: string): string {
  return `v1=${createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')}`
}
