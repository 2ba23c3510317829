/** What a server block has already of that which it is to be given. Pure. */
import type { Directive } from '../../deployers/nginx/config.ts'
import type { ServerBlock } from '../../deployers/nginx/server-blocks.ts'
import { rawText, rawWords, type Sources } from './block-text.ts'

const challengePath = '/.well-known/acme-challenge/'
/** In lower case, as names of headers are compared. */
export const hstsHeader = 'strict-transport-security'

/** The location that answers challenges and would be there twice with ours. */
export function challengeLocation({ directive }: ServerBlock): Directive | undefined {
  return directive.block?.find(
    ({ name, args }) => name === 'location' && args.at(-1) === challengePath && args[0] !== '=',
  )
}

/** A location as lines for a block that has nothing else: with the `root` that it would have inherited. */
export function locationLines(
  location: Directive,
  siblings: readonly Directive[],
  sources: Sources,
): readonly string[] {
  const answersItself = (location.block ?? []).some(({ name }) =>
    /^(?:root|alias|return|(?:proxy|fastcgi|grpc|uwsgi|scgi)_pass)$/.test(name),
  )
  const root = answersItself ? [] : siblings.filter(({ name }) => name === 'root').slice(-1)
  const [first = '', ...rest] = rawText(location, sources).split(/\r?\n/)
  const indent = /^[ \t]*/.exec(rest.at(-1) ?? '')?.[0] ?? ''
  return [
    ...root.map(one => `${rawWords(one, sources)};`),
    first,
    ...rest.map(line => (line.startsWith(indent) ? line.slice(indent.length) : line.trimStart())),
  ]
}

/** Whether plain requests are sent on to https, by the block or by an `if` in it. */
export function sendsOn({ directive, redirectsToHttps }: ServerBlock): boolean {
  return redirectsToHttps || (directive.block ?? []).some(redirectsIf)
}

/** Whether only an `if` sends requests on, so that the block may well answer both ways. */
export function sendsOnIf({ directive }: ServerBlock): boolean {
  return (directive.block ?? []).some(redirectsIf)
}

function redirectsIf({ name, block = [] }: Directive): boolean {
  return (
    name === 'if' &&
    block.some(({ name: inner, args }) => inner === 'return' && args.at(-1)?.startsWith('https://'))
  )
}

/** Blocks within that have headers of their own, and so inherit none, and lack this one. */
export function blocksWithoutHsts(directives: readonly Directive[]): readonly Directive[] {
  return nestedBlocks(directives).filter(
    ({ block = [] }) => block.some(({ name }) => name === 'add_header') && hstsOf(block) === undefined,
  )
}

/** The directive that sends Strict-Transport-Security. */
export function hstsOf(directives: readonly Directive[]): Directive | undefined {
  return directives.find(({ name, args }) => name === 'add_header' && args[0]?.toLowerCase() === hstsHeader)
}

function nestedBlocks(directives: readonly Directive[]): readonly Directive[] {
  return directives.flatMap(one => (one.block === undefined ? [] : [one, ...nestedBlocks(one.block)]))
}
