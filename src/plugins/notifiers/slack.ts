/** Slack's incoming webhooks, which Mattermost, Rocket.Chat and Discord (with `/slack` behind the URL) take too. */
import type { Notification, Notifier, NotifierRuntime, Urgency } from '../../contracts/notifier.ts'
import type { NotifierOptions } from '../../contracts/notifier-options.ts'
import { resolveUrl, sendToService } from './exchange.ts'
import { plainText } from './text.ts'

/** Slack folds longer attachments away. */
const maxTextLength = 3_000
const colours: Readonly<Record<Urgency, string>> = { info: 'good', warning: 'warning', critical: 'danger' }

/** A notifier for one channel; the URL says which. */
export function createSlackNotifier(
  { url: where, trust }: NotifierOptions<'slack'>,
  runtime: NotifierRuntime,
): Notifier {
  return {
    name: 'slack',
    send: async (notification, { signal }) => {
      const { url, secrets } = await resolveUrl(where, 'slack', runtime)
      const body = JSON.stringify(slackMessage(notification))
      await sendToService({ service: 'slack', url, body, trust, secrets, signal }, runtime)
    },
  }
}

function slackMessage(notification: Notification): object {
  const text = escaped(plainText(notification, { maxLength: maxTextLength })).replaceAll('```', "'''")
  return {
    text: escaped(notification.subject),
    attachments: [
      {
        color: colours[notification.urgency],
        fallback: escaped(notification.subject),
        mrkdwn_in: ['text'],
        text: `\`\`\`\n${text}\n\`\`\``,
      },
    ],
  }
}

/** With these three escaped nothing can become a link or call a channel together. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
