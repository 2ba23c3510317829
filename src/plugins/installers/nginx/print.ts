/** The text of a configuration file from its tree: what stands between its directives included. Pure. */
import type { Directive } from '../../deployers/nginx/config.ts'

/** Blanks and comments, and nothing else. */
const trivia = /^(?:[ \t\r\n]|#[^\n]*(?:\n|$))*$/

/**
 * Puts a file together from its directives and the blanks and comments between them.
 * @returns `undefined` where something else stands between them: then the tree is not the whole file
 */
export function printDirectives(directives: readonly Directive[], text: string): string | undefined {
  const marks = directives.flatMap(marksOf)
  let printed = ''
  let at = 0
  for (const { start, end, opaque } of marks) {
    const between = text.slice(at, start)
    if (start < at || !trivia.test(between)) return undefined
    if (opaque !== true && end <= start) return undefined
    printed += between + text.slice(start, end)
    at = end
  }
  const rest = text.slice(at)
  return trivia.test(rest) ? printed + rest : undefined
}

/** A piece of text that means something. */
type Mark = { readonly start: number; readonly end: number; readonly opaque?: true }

function marksOf({ name, block, spans: { words, all, body } }: Directive): readonly Mark[] {
  if (body === undefined) return [...words, { start: all.end - 1, end: all.end }]
  const inside = name.endsWith('_by_lua_block')
    ? [{ ...body, opaque: true as const }]
    : (block ?? []).flatMap(marksOf)
  return [...words, { start: body.start - 1, end: body.start }, ...inside, { start: body.end, end: all.end }]
}
