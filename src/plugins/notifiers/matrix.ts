/** A room of Matrix, by the client-server API. */
import type { Notification, Notifier, NotifierRuntime } from '../../contracts/notifier.ts'
import type { NotifierOptions } from '../../contracts/notifier-options.ts'
import { readSecret } from '../../contracts/secret.ts'
import { sendToService } from './exchange.ts'
import { plainText } from './text.ts'

/** An event has at most 65,536 bytes; the text stands in it twice, and escaped. */
const maxTextLength = 8_000

/** A notifier for one room, which the user of the token has joined. */
export function createMatrixNotifier(
  { homeserver, room, token: reference, trust }: NotifierOptions<'matrix'>,
  runtime: NotifierRuntime,
): Notifier {
  return {
    name: 'matrix',
    send: async (notification, { signal }) => {
      const token = await readSecret(reference, runtime)
      const base = homeserver.replace(/\/+$/, '')
      // The homeserver drops a second event with the same transaction id.
      const path = `rooms/${encodeURIComponent(room)}/send/m.room.message/${encodeURIComponent(notification.id)}`
      await sendToService(
        {
          service: `matrix at ${new URL(homeserver).host}`,
          url: `${base}/_matrix/client/v3/${path}`,
          method: 'PUT',
          headers: { authorization: `Bearer ${token}` },
          body: JSON.stringify(matrixMessage(notification)),
          trust,
          secrets: [token],
          signal,
        },
        runtime,
      )
    },
  }
}

function matrixMessage(notification: Notification): object {
  const { subject, urgency } = notification
  const text = plainText(notification, { maxLength: maxTextLength })
  return {
    // Clients show a notice without a sound.
    msgtype: urgency === 'info' ? 'm.notice' : 'm.text',
    body: `${subject}\n\n${text}`,
    format: 'org.matrix.custom.html',
    formatted_body: `<strong>${escaped(subject)}</strong><pre><code>${escaped(text)}</code></pre>`,
  }
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}
