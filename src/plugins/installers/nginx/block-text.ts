/** Pieces of one server block's text, and lines put into it. Pure. */
import { type Directive, formatPlace } from '../../deployers/nginx/config.ts'
import type { Span } from '../../deployers/nginx/tokens.ts'
import type { FileEdit, Source } from '../file-edit.ts'
import {
  indentAt,
  insertAfter,
  insertBefore,
  isFirstInLine,
  lineNumber,
  lineStart,
  styleOf,
  wholeLine,
} from '../layout.ts'

/** The files that directives stand in, by the name that nginx gives them. */
export type Sources = ReadonlyMap<string, Source>

function textOf({ place: { file } }: Directive, sources: Sources): string {
  const source = sources.get(file)
  if (source === undefined) throw new TypeError(`${file} is not a file of the configuration`)
  return source.text
}

/** A directive as it is written, without its end: quotes and escapes included, comments between its words left out. */
export function rawWords(directive: Directive, sources: Sources): string {
  const text = textOf(directive, sources)
  return directive.spans.words.map(({ start, end }) => text.slice(start, end)).join(' ')
}

/** A directive as it is written, from its name to behind its end. */
export function rawText(directive: Directive, sources: Sources): string {
  return textOf(directive, sources).slice(directive.spans.all.start, directive.spans.all.end)
}

/** Whether a directive stands in the same file as another, and not in one that is included. */
export function isInSameFile(one: Directive, other: Directive): boolean {
  return one.place.file === other.place.file
}

/** Lines that come first in a block. */
export function linesFirst(block: Directive, lines: readonly string[], sources: Sources): FileEdit {
  const text = textOf(block, sources)
  return at(block, text, insertAfter(text, bodyOf(block).start, lines, { indent: innerIndent(block, text) }))
}

/** Lines that come last in a block. */
export function linesLast(block: Directive, lines: readonly string[], sources: Sources): FileEdit {
  const text = textOf(block, sources)
  return at(block, text, insertBefore(text, bodyOf(block).end, lines, { indent: innerIndent(block, text) }))
}

/** Lines that stand before a block, indented as it is; one level more by a leading tab. */
export function linesAhead(block: Directive, lines: readonly string[], sources: Sources): FileEdit {
  const text = textOf(block, sources)
  const { start } = block.spans.all
  const { eol, unit } = styleOf(text)
  const indent = indentAt(text, start)
  const shown = lines.map(line => `${indent}${line.replace(/^\t+/, tabs => unit.repeat(tabs.length))}${eol}`)
  const isFirst = isFirstInLine(text, start)
  const offset = isFirst ? lineStart(text, start) : start
  const lead = isFirst ? '' : eol
  return at(block, text, { start: offset, end: offset, text: `${lead}${shown.join('')}` })
}

/** Other arguments for a directive. */
export function otherArguments(directive: Directive, args: string, sources: Sources): FileEdit {
  const { words } = directive.spans
  const [, first] = words
  const last = words.at(-1)
  if (first === undefined || last === undefined)
    throw new TypeError(`${formatPlace(directive.place)} has no arguments`)
  return at(directive, textOf(directive, sources), { start: first.start, end: last.end, text: args })
}

/** Takes a directive out, with its line where it stands alone. */
export function without(directive: Directive, sources: Sources): FileEdit {
  const text = textOf(directive, sources)
  return at(directive, text, { ...wholeLine(text, directive.spans.all), text: '' })
}

function at(
  { place: { file } }: Directive,
  text: string,
  edit: { readonly start: number; readonly end: number; readonly text: string },
): FileEdit {
  return { ...edit, file, line: lineNumber(text, edit.start) }
}

function bodyOf({ spans: { body }, place }: Directive): Span {
  if (body === undefined) throw new TypeError(`${formatPlace(place)} is no block`)
  return body
}

/** As the first directive in the block that begins a line, or one level deeper than the block. */
function innerIndent(block: Directive, text: string): string {
  const first = block.block?.find(
    child => isInSameFile(child, block) && isFirstInLine(text, child.spans.all.start),
  )
  if (first !== undefined && isInside(first, block)) return indentAt(text, first.spans.all.start)
  return indentAt(text, block.spans.all.start) + styleOf(text).unit
}

function isInside({ spans: { all } }: Directive, block: Directive): boolean {
  const { start, end } = bodyOf(block)
  return all.start >= start && all.end <= end
}
