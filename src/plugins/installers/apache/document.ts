/** One configuration file of Apache httpd as a tree that keeps every byte. Pure. */
import { AppError } from '../../../base/errors.ts'
import { printable } from '../../../base/printable.ts'
import type { Span } from '../../deployers/nginx/tokens.ts'

/** A directive, or a section with what stands in it. */
export type ApacheNode = {
  /** In lower case, without brackets. */
  readonly name: string
  /** Quotes and escapes resolved. */
  readonly args: readonly string[]
  readonly place: { readonly file: string; readonly line: number }
  readonly children?: readonly ApacheNode[]
  readonly spans: {
    /** Name and arguments, quotes included; brackets not. */
    readonly words: readonly Span[]
    /** From the first character to the last one; of a section to the last one of its closing line. */
    readonly all: Span
    /** Of a section: behind its opening line up to its closing mark. */
    readonly body?: Span
  }
}

/** One line as Apache reads it: a backslash at the end goes on in the next one, in comments as well. */
type LogicalLine = {
  readonly text: string
  /** Where each character stands in the file. */
  readonly offsets: readonly number[]
  readonly line: number
}

/** Nobody nests sections deeper. */
const maxDepth = 100

/**
 * Splits a file into directives and sections.
 * @throws AppError ERR_FORMAT with file and line, where Apache would not start either
 */
export function parseApacheFile({
  name: file,
  text,
}: {
  readonly name: string
  readonly text: string
}): readonly ApacheNode[] {
  type Open = { readonly node: ApacheNode; readonly siblings: ApacheNode[]; readonly bodyStart: number }
  const open: Open[] = []
  let nodes: ApacheNode[] = []
  for (const logical of logicalLines(text)) {
    const node = nodeOf(logical, file)
    if (node === undefined) continue
    const mark = text.slice(node.spans.all.start, node.spans.all.start + 2)
    if (mark === '</') {
      const section = open.pop()
      if (section === undefined || section.node.name !== node.name)
        throw new AppError(
          'ERR_FORMAT',
          `${file}:${logical.line}: unexpected "</${printable(node.name, 80)}>"`,
        )
      const { spans } = section.node
      section.siblings.push({
        ...section.node,
        children: nodes,
        spans: {
          ...spans,
          all: { start: spans.all.start, end: node.spans.all.end },
          body: { start: section.bodyStart, end: node.spans.all.start },
        },
      })
      nodes = section.siblings
    } else if (mark.startsWith('<')) {
      if (open.length === maxDepth) throw new AppError('ERR_FORMAT', `${file}:${logical.line}: too deep`)
      open.push({ node, siblings: nodes, bodyStart: endOfLine(text, node.spans.all.end) })
      nodes = []
    } else nodes.push(node)
  }
  const unfinished = open.at(-1)?.node
  if (unfinished === undefined) return nodes
  throw new AppError(
    'ERR_FORMAT',
    `${file}:${unfinished.place.line}: <${printable(unfinished.name, 80)}> has no end`,
  )
}

/**
 * Puts a file together from its tree and the blanks and comments between.
 * @returns `undefined` where something else stands between: then the tree is not the whole file
 */
export function printApacheNodes(nodes: readonly ApacheNode[], text: string): string | undefined {
  let printed = ''
  let at = 0
  for (const { start, end } of nodes.flatMap(marksOf)) {
    const between = text.slice(at, start)
    if (start < at || !isTrivia(between)) return undefined
    printed += between + text.slice(start, end)
    at = end
  }
  const rest = text.slice(at)
  return isTrivia(rest) ? printed + rest : undefined
}

function marksOf({ children, spans: { all, body, words } }: ApacheNode): readonly Span[] {
  if (children === undefined || body === undefined) return [all]
  const opened = Math.max(...words.map(({ end }) => end))
  return [
    { start: all.start, end: opened + 1 },
    ...children.flatMap(marksOf),
    { start: body.end, end: all.end },
  ]
}

function isTrivia(text: string): boolean {
  return logicalLines(text).every(line => /^\s*(?:#|>?\s*$)/.test(line.text))
}

function logicalLines(text: string): readonly LogicalLine[] {
  const found: LogicalLine[] = []
  let begun: { text: string; offsets: number[]; line: number } | undefined
  let start = 0
  for (const [index, whole] of text.split('\n').entries()) {
    const line = whole.replace(/\r$/, '')
    const goesOn = line.endsWith('\\')
    const part = goesOn ? line.slice(0, -1) : line
    const offset = start
    begun ??= { text: '', offsets: [], line: index + 1 }
    begun.text += part
    for (let at = 0; at < part.length; at += 1) begun.offsets.push(offset + at)
    if (!goesOn) {
      found.push(begun)
      begun = undefined
    }
    start += whole.length + 1
  }
  return begun === undefined ? found : [...found, begun]
}

/** Undefined for blanks and comments. */
function nodeOf({ text, offsets, line }: LogicalLine, file: string): ApacheNode | undefined {
  if (/^\s*(?:#|$)/.test(text)) return undefined
  const first = text.search(/\S/)
  const last = text.trimEnd().length
  const opening = /^<\/?/.exec(text.slice(first))?.[0] ?? ''
  const inner = opening !== '' && text[last - 1] === '>' ? last - 1 : last
  const words = [...text.slice(0, inner).matchAll(/"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\S+/g)].map(match => ({
    text: match[0],
    start: match.index,
  }))
  const [head, ...args] = words
  if (head === undefined) return undefined
  const at = (index: number): number => offsets[index] ?? 0
  const spanOf = (start: number, length: number): Span => ({
    start: at(start),
    end: at(start + length - 1) + 1,
  })
  const name = head.text.slice(opening.length).toLowerCase()
  return {
    name,
    args: args.map(word => unquoted(word.text)),
    place: { file, line },
    spans: {
      words: [
        spanOf(head.start + opening.length, Math.max(name.length, 1)),
        ...args.map(word => spanOf(word.start, word.text.length)),
      ],
      all: spanOf(first, last - first),
    },
  }
}

function unquoted(word: string): string {
  return /^(["']).*\1$/s.test(word) ? word.slice(1, -1).replace(/\\(["'\\])/g, '$1') : word
}

function endOfLine(text: string, offset: number): number {
  const end = text.indexOf('\n', offset)
  return end === -1 ? text.length : end + 1
}
