/** Log records as lines. Pure. */
import { formatInstant, type Instant } from '../base/instant.ts'
import type { LogFields, LogLevel } from '../base/log.ts'
import { printable } from '../base/printable.ts'

/** `journal`: with the priority in front, as journald takes it; `plain`: with the time; `json`: an object in each line. */
export type LogStyle = 'journal' | 'plain' | 'json'

export type LogRecord = {
  readonly at: Instant
  readonly level: LogLevel
  readonly event: string
  readonly fields: LogFields
}

/** Of syslog(3): 3 is an error, 7 is for debugging. */
const priorities: Readonly<Record<LogLevel, number>> = { error: 3, warn: 4, info: 6, debug: 7 }
/** A message of a server about a hundred names still fits. */
const maxValueLength = 4_000

/** One line, with its end. */
export function formatLogLine({ at, level, event, fields }: LogRecord, style: LogStyle): string {
  if (style === 'json') return `${JSON.stringify({ time: formatInstant(at), level, event, ...fields })}\n`
  const pairs = Object.entries(fields).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${valueText(value)}`],
  )
  const text = [event, ...pairs].join(' ')
  if (style === 'journal') return `<${priorities[level]}>${text}\n`
  return `${formatInstant(at)} ${level.padEnd(5)} ${text}\n`
}

function valueText(value: string | number | boolean | readonly string[]): string {
  const text = printable(
    typeof value === 'object' ? value.join(',') : String(value).replaceAll('\n', '; '),
    maxValueLength,
  )
  return /^[^\s"=]+$/.test(text) ? text : JSON.stringify(text)
}
