/** How lines are put into a file so that they look as if its author had written them. Pure. */
import type { TextEdit } from '../../base/text-edit.ts'

/** The style of a file. */
export type Style = {
  readonly eol: '\n' | '\r\n'
  /** One level. */
  readonly unit: string
}

const usualUnit = '    '

/** Line endings as in the first line, indentation as at the first line that has some. */
export function styleOf(text: string): Style {
  const firstEnd = text.indexOf('\n')
  const unit = /^(\t| {1,8})(?=[^\s#])/m.exec(text)?.[1] ?? usualUnit
  return { eol: firstEnd > 0 && text[firstEnd - 1] === '\r' ? '\r\n' : '\n', unit }
}

/** The blanks at the start of the line that an offset is in. */
export function indentAt(text: string, offset: number): string {
  return /^[ \t]*/.exec(text.slice(lineStart(text, offset)))?.[0] ?? ''
}

/** Where the line of an offset begins. */
export function lineStart(text: string, offset: number): number {
  return text.lastIndexOf('\n', offset - 1) + 1
}

/** Whether nothing but blanks stands before an offset in its line. */
export function isFirstInLine(text: string, offset: number): boolean {
  return /^[ \t]*$/.test(text.slice(lineStart(text, offset), offset))
}

/** The number of the line that an offset is in. */
export function lineNumber(text: string, offset: number): number {
  let line = 1
  for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', at + 1)) line += 1
  return line
}

/**
 * Lines that come first after an offset: from the next line on, or where other things follow in this line, between.
 * @param lines - with indentation of their own only
 */
export function insertAfter(
  text: string,
  offset: number,
  lines: readonly string[],
  { indent, comment = '#' }: { readonly indent: string; readonly comment?: string },
): TextEdit {
  const { eol } = styleOf(text)
  const rest = new RegExp(`^[ \\t\\r]*(?:${comment}[^\\n]*)?(\\n|$)`).exec(text.slice(offset))
  if (rest?.[1] === '\n') {
    const start = offset + rest[0].length
    return { start, end: start, text: lines.map(line => `${indent}${line}${eol}`).join('') }
  }
  const blanks = /^[ \t]*/.exec(text.slice(offset))?.[0].length ?? 0
  const block = lines.map(line => `${eol}${indent}${line}`).join('')
  return { start: offset, end: offset + blanks, text: `${block}${eol}${indent}` }
}

/** Lines that come last before an offset, where a closing mark stands. */
export function insertBefore(
  text: string,
  offset: number,
  lines: readonly string[],
  { indent }: { readonly indent: string },
): TextEdit {
  const { eol } = styleOf(text)
  const block = lines.map(line => `${indent}${line}${eol}`).join('')
  if (isFirstInLine(text, offset)) {
    const start = lineStart(text, offset)
    return { start, end: start, text: block }
  }
  const blanks = /(?<=[^\s{>])[ \t]*$/.exec(text.slice(lineStart(text, offset), offset))?.[0].length ?? 0
  return { start: offset - blanks, end: offset, text: `${eol}${block}${indentAt(text, offset)}` }
}

/** The same offset range, and the whole line where nothing else stands in it. */
export function wholeLine(
  text: string,
  { start, end }: { readonly start: number; readonly end: number },
): { readonly start: number; readonly end: number } {
  const rest = /^[ \t\r]*(?:\n|$)/.exec(text.slice(end))
  if (rest === null || !isFirstInLine(text, start)) return { start, end }
  return { start: lineStart(text, start), end: end + rest[0].length }
}
