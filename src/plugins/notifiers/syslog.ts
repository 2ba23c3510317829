/** The system's log, be it syslog or the journal, through the program that every system has for it. */
import { AppError } from '../../base/errors.ts'
import { printable } from '../../base/printable.ts'
import type { Notifier, NotifierRuntime, Urgency } from '../../contracts/notifier.ts'
import { cut, oneLine } from './text.ts'

const priorities: Readonly<Record<Urgency, string>> = {
  info: 'daemon.notice',
  warning: 'daemon.warning',
  critical: 'daemon.crit',
}
/** RFC 3164 gives a whole packet 1024 bytes, and some still cut there. */
const maxLineLength = 900
/** Linux; macOS; the BSDs. */
const sockets = ['/dev/log', '/var/run/syslog', '/var/run/log']

/** A notifier that writes a line for each certificate. */
export function createSyslogNotifier(_options: object, { exec, files }: NotifierRuntime): Notifier {
  return {
    name: 'syslog',
    send: async (notification, { signal }) => {
      // `logger` ends well also where nobody listens.
      const found = await Promise.all(sockets.map(path => files.facts(path)))
      if (found.every(facts => facts === undefined)) {
        throw new AppError(
          'ERR_NOTIFY',
          `syslog: nothing takes messages here, there is no ${sockets[0] ?? ''}`,
          {
            hint: 'start a syslog daemon or systemd-journald, or use another notifier',
          },
        )
      }
      const { kind, urgency } = notification
      for (const item of notification.items) {
        const line = cut(`${kind}: ${oneLine(notification, item)}`, maxLineLength)
        const args = ['-t', 'certwright', '-p', priorities[urgency], '--', line]
        const { exitCode, stderr } = await exec('logger', args, { signal })
        if (exitCode !== 0) {
          throw new AppError('ERR_NOTIFY', `syslog: logger failed: ${printable(stderr.trim(), 200)}`, {
            hint: 'run it by hand: logger -t certwright test',
          })
        }
      }
    },
  }
}
