/** The changes of files, as people know them from `diff -u`. */
import { styleText } from 'node:util'
import { printable } from '../base/printable.ts'
import { unifiedDiff } from '../base/unified-diff.ts'
import type { FileChange } from '../manage/install/changes.ts'

/** More of a line than this says nothing more. */
const maxLineLength = 4_000

/** The unified diff of a file; `/dev/null` stands for one that is not there. */
export function diffOf({ path, before, after }: FileChange): string {
  return unifiedDiff(before ?? '', after ?? '', {
    from: before === undefined ? '/dev/null' : path,
    to: after === undefined ? '/dev/null' : path,
  })
}

/** The diffs of all files for a terminal: nothing in them can command it. */
export function diffText(
  changes: readonly FileChange[],
  { color, stream }: { readonly color: boolean; readonly stream: NodeJS.WritableStream },
): string {
  return changes
    .flatMap(change => diffOf(change).split('\n').slice(0, -1))
    .map(line => {
      const shown = line
        .replace(/\r$/, '')
        .split('\t')
        .map(part => printable(part, maxLineLength))
        .join('\t')
      const style = color ? styleOf(line) : undefined
      return `${style === undefined ? shown : styleText(style, shown, { stream })}\n`
    })
    .join('')
}

function styleOf(line: string): 'bold' | 'cyan' | 'green' | 'red' | undefined {
  if (line.startsWith('--- ') || line.startsWith('+++ ')) return 'bold'
  if (line.startsWith('@@ ')) return 'cyan'
  if (line.startsWith('+')) return 'green'
  return line.startsWith('-') ? 'red' : undefined
}
