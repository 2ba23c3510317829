/** A chat of Telegram, by the Bot API. */
import type { Notifier, NotifierRuntime } from '../../contracts/notifier.ts'
import type { NotifierOptions } from '../../contracts/notifier-options.ts'
import { readSecret } from '../../contracts/secret.ts'
import { sendToService } from './exchange.ts'
import { plainText } from './text.ts'

/** The Bot API takes 4096 characters. */
const maxMessageLength = 4_096
const publicServer = 'https://api.telegram.org'

/** A notifier for one chat that the bot belongs to. */
export function createTelegramNotifier(
  { chat, token: reference, server = publicServer }: NotifierOptions<'telegram'>,
  runtime: NotifierRuntime,
): Notifier {
  return {
    name: 'telegram',
    send: async (notification, { signal }) => {
      const token = await readSecret(reference, runtime)
      const { subject, urgency } = notification
      const text = plainText(notification, { maxLength: maxMessageLength - subject.length - 2 })
      // Without a parse mode nothing in the text means anything but itself.
      const message = {
        chat_id: chat,
        text: `${subject}\n\n${text}`,
        disable_notification: urgency === 'info',
        link_preview_options: { is_disabled: true },
      }
      await sendToService(
        {
          service: 'telegram',
          url: `${server.replace(/\/+$/, '')}/bot${encodeURIComponent(token).replaceAll('%3A', ':')}/sendMessage`,
          body: JSON.stringify(message),
          secrets: [token],
          signal,
        },
        runtime,
      )
    },
  }
}
