/** A program of the user's own. */
import { AppError, isAppError, messageOf } from '../../base/errors.ts'
import { formatInstant, secondMs } from '../../base/instant.ts'
import { printable } from '../../base/printable.ts'
import { notificationJson } from '../../contracts/notification-json.ts'
import type { Notification, Notifier, NotifierRuntime } from '../../contracts/notifier.ts'
import type { NotifierOptions } from '../../contracts/notifier-options.ts'

const timeoutMs = 30 * secondMs
const maxOutputBytes = 64 * 1024
const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** A notifier that runs a program: by path and arguments, never by a shell, the notification as JSON on its input. */
export function createExecNotifier(
  { command: [program = '', ...args] }: NotifierOptions<'exec'>,
  { exec }: NotifierRuntime,
): Notifier {
  const name = printable(program, 200)
  return {
    name: 'exec',
    withinMs: timeoutMs,
    send: async (notification, { signal }) => {
      const env = environmentOf(notification)
      const input = `${JSON.stringify(notificationJson(notification))}\n`
      const options = { env, input, timeoutMs, maxOutputBytes, trustedOnly: true, signal }
      const { exitCode, stderr } = await exec(program, args, options).catch((cause: unknown) => {
        throw new AppError('ERR_NOTIFY', `exec: ${messageOf(cause)}`, {
          cause,
          hint: isAppError(cause) ? cause.hint : undefined,
        })
      })
      if (exitCode === 0) return
      const ending = exitCode === undefined ? 'was ended by a signal' : `ended with exit code ${exitCode}`
      const said = printable(stderr.trim(), 200)
      throw new AppError('ERR_NOTIFY', `exec: ${name} ${ending}${said === '' ? '' : `: ${said}`}`, {
        hint: `certwright notify test --only exec runs it again`,
      })
    },
  }
}

/** What fits into a variable; the rest is in the JSON. */
function environmentOf({
  id,
  kind,
  urgency,
  at,
  host,
  subject,
}: Notification): Readonly<Record<string, string>> {
  return {
    PATH: path,
    LANG: 'C',
    CERTWRIGHT_ID: id,
    CERTWRIGHT_KIND: kind,
    CERTWRIGHT_URGENCY: urgency,
    CERTWRIGHT_AT: formatInstant(at),
    CERTWRIGHT_HOST: host,
    CERTWRIGHT_SUBJECT: subject,
  }
}
