/** What was seen at monitored endpoints, for people. Pure. */
import type { Instant } from '../base/instant.ts'
import type { EndpointRecord } from '../manage/monitor/endpoint-records.ts'
import { wordFor } from '../manage/observe/judge-look.ts'
import { failureLines } from './error-text.ts'
import { formatTable } from './table.ts'
import { styled, whenText } from './text.ts'

/** A table, a line for each address, and below it what is wrong; nothing where nothing is monitored. */
export function endpointsText(
  records: readonly EndpointRecord[],
  { now, color }: { readonly now: Instant; readonly color: boolean },
): string {
  if (records.length === 0) return ''
  const looks = records.flatMap(({ at, looks: all }) => all.map(look => ({ at, ...look })))
  const rows = looks.map(({ at, where, findings, notAfter }) => {
    const word = wordFor(findings)
    const format = word === 'ok' ? 'green' : word === 'SOON' || word === '-' ? 'yellow' : 'red'
    return [
      where,
      styled(color, format, word),
      notAfter === undefined ? '-' : whenText(notAfter, now),
      whenText(at, now),
    ]
  })
  const wrong = looks.flatMap(({ where, findings }) =>
    findings
      .filter(({ level }) => level === 'wrong')
      .map(({ text, hint }) => `\n${where}: ${failureLines({ message: text, hint }).join('\n  ')}\n`),
  )
  return `\n${formatTable([['ENDPOINT', 'STATE', 'EXPIRES', 'LOOKED AT'], ...rows])}${wrong.join('')}`
}
