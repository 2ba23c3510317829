/** An application of a Gotify server. */
import type { Notifier, NotifierRuntime, Urgency } from '../../contracts/notifier.ts'
import type { NotifierOptions } from '../../contracts/notifier-options.ts'
import { readSecret } from '../../contracts/secret.ts'
import { sendToService } from './exchange.ts'
import { plainText } from './text.ts'

/** From 4 on phones make a sound, from 8 on they interrupt. */
const priorities: Readonly<Record<Urgency, number>> = { info: 2, warning: 5, critical: 8 }
const maxMessageLength = 20_000

/** A notifier for the application that the token belongs to. */
export function createGotifyNotifier(
  { url, token: reference, trust }: NotifierOptions<'gotify'>,
  runtime: NotifierRuntime,
): Notifier {
  return {
    name: 'gotify',
    send: async (notification, { signal }) => {
      const token = await readSecret(reference, runtime)
      const { subject: title, urgency } = notification
      const message = plainText(notification, { maxLength: maxMessageLength })
      await sendToService(
        {
          service: `gotify at ${new URL(url).host}`,
          url: `${url.replace(/\/+$/, '')}/message`,
          headers: { 'x-gotify-key': token },
          body: JSON.stringify({ title, message, priority: priorities[urgency] }),
          trust,
          secrets: [token],
          signal,
        },
        runtime,
      )
    },
  }
}
