/** A topic of ntfy, public or one's own server. */
import { AppError } from '../../base/errors.ts'
import type { Notifier, NotifierRuntime, Urgency } from '../../contracts/notifier.ts'
import type { NotifierOptions } from '../../contracts/notifier-options.ts'
import { readSecret } from '../../contracts/secret.ts'
import { resolveUrl, sendToService } from './exchange.ts'
import { plainText } from './text.ts'

/** A message has 4096 bytes; our texts are nearly all ASCII. */
const maxMessageLength = 3_500
/** 3 is the usual one, 5 makes phones ring on. */
const priorities: Readonly<Record<Urgency, number>> = { info: 3, warning: 4, critical: 5 }
const tags: Readonly<Record<Urgency, string>> = {
  info: 'white_check_mark',
  warning: 'warning',
  critical: 'rotating_light',
}

/** A notifier for one topic; who knows the name of a topic can read it, so it may be a secret. */
export function createNtfyNotifier(
  { topic: where, token: reference, trust }: NotifierOptions<'ntfy'>,
  runtime: NotifierRuntime,
): Notifier {
  return {
    name: 'ntfy',
    send: async (notification, { signal }) => {
      const { url, secrets } = await resolveUrl(where, 'ntfy', runtime)
      const token = reference === undefined ? undefined : await readSecret(reference, runtime)
      const { server, topic } = splitTopic(url)
      const { subject: title, urgency } = notification
      const message = plainText(notification, { maxLength: maxMessageLength })
      const body = { topic, title, message, priority: priorities[urgency], tags: [tags[urgency]] }
      await sendToService(
        {
          service: `ntfy at ${new URL(url).host}`,
          url: server,
          headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
          body: JSON.stringify(body),
          trust,
          secrets: [...secrets, topic, ...(token === undefined ? [] : [token])],
          signal,
        },
        runtime,
      )
    },
  }
}

/** JSON goes to the server itself, with the topic in it. */
function splitTopic(url: string): { readonly server: string; readonly topic: string } {
  const [, path = '/', topic] = /^(\/(?:.*\/)?)([A-Za-z0-9_-]{1,64})\/?$/.exec(new URL(url).pathname) ?? []
  if (topic !== undefined) return { server: new URL(url).origin + path, topic }
  throw new AppError('ERR_CONFIG', `the topic of ntfy at ${new URL(url).host} has no name`, {
    hint: 'write it like https://ntfy.sh/NAME, the name of letters, digits, - and _',
  })
}
