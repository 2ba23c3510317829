/** A table for people: columns aligned by spaces, no borders. */
import { stripVTControlCharacters } from 'node:util'

const gap = '  '

/** Lines of aligned cells; the first row is the heading. Colour codes do not count as width. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const width = (text: string) => stripVTControlCharacters(text).length
  const columns = Math.max(0, ...rows.map(row => row.length))
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map(row => width(row[column] ?? ''))),
  )
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - width(cell)))
      .join(gap)
      .trimEnd()
  return `${rows.map(line).join('\n')}\n`
}
