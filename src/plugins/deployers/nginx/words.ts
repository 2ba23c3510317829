/** What nginx says on standard error, made fit to show. */
import { printable } from '../../../base/printable.ts'
import type { ExecResult } from '../../../runtime/exec.ts'

const prefix = /^nginx: |^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d /
const severe = /^\[(?:emerg|alert|crit|error)\] (?:\d+#\d+: )?/
const mild = /^\[warn\] (?:\d+#\d+: )?/

/** Why nginx refused, in its own words. */
export function complaint({ stderr, exitCode }: ExecResult): string {
  const all = lines(stderr)
  const serious = all.filter(line => severe.test(line)).map(line => line.replace(severe, ''))
  const words = serious.length > 0 ? serious : all
  if (words.length > 0) return printable([...new Set(words)].join('; '))
  return exitCode === undefined
    ? 'it was ended by a signal'
    : `it ended with status ${exitCode} and said nothing`
}

/** Warnings of an accepted configuration, such as a name that two blocks have. */
export function warnings({ stderr }: ExecResult): readonly string[] {
  return lines(stderr)
    .filter(line => mild.test(line))
    .map(line => `nginx warns: ${printable(line.replace(mild, ''))}`)
}

function lines(text: string): readonly string[] {
  return text
    .split('\n')
    .map(line => line.replace(prefix, '').trim())
    .filter(line => line !== '')
}
