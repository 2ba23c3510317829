/** Which server block a name selects, by nginx's rules. */
import { type Identifier, isWildcard } from '../../../acme/identifier.ts'

/** `server_name` values of one block, as they select it. */
export type Named = { readonly names: readonly string[] }

/** What a name selects: a block by its name, nothing by name, or what only nginx's regular expressions can tell. */
export type Selection<T> = { readonly block: T } | 'no-name-matches' | 'unknown'

/**
 * The block for a name among those of one socket, in the order of the configuration: an exact name, the longest
 * `*.suffix`, the longest `prefix.*`, a regular expression.
 */
export function selectByName<T extends Named>(blocks: readonly T[], name: string): Selection<T> {
  const matches = blocks.flatMap(block =>
    block.names.flatMap(pattern => {
      const rank = matchRank(pattern, name)
      return rank === undefined ? [] : [{ block, rank }]
    }),
  )
  // The first of equals wins: nginx ignores a name that an earlier block of the socket has.
  const best = matches.reduce<(typeof matches)[number] | undefined>(
    (best, match) => (best === undefined || compareRanks(match.rank, best.rank) > 0 ? match : best),
    undefined,
  )
  if (best !== undefined) return { block: best.block }
  return blocks.some(({ names }) => names.some(isRegex)) ? 'unknown' : 'no-name-matches'
}

/** A label that nobody is likely to have given a block of its own. */
const probeLabel = 'certwright-probe'

/**
 * Names in the identifiers that a block's names match. A wildcard stands for many: it gives one concrete name for each
 * `server_name` that it covers.
 */
export function matchingNames({ names }: Named, identifiers: readonly Identifier[]): readonly string[] {
  const found = identifiers.flatMap(identifier => {
    if (identifier.type === 'ip') return []
    return names.flatMap(pattern => {
      const name = isWildcard(identifier)
        ? concreteName(pattern, identifier.value.slice(1))
        : identifier.value
      return matchRank(pattern, name) === undefined ? [] : [name]
    })
  })
  return [...new Set(found)]
}

/** A name of one label before `suffix` (`.example.com`) that a value of `server_name` may match. */
function concreteName(pattern: string, suffix: string): string {
  const isOpen = pattern.startsWith('*.') || pattern.startsWith('.')
  return `${isOpen ? probeLabel : pattern.split('.')[0]}${suffix}`
}

/** Whether a `server_name` value is a regular expression. */
export function isRegex(pattern: string): boolean {
  return pattern.startsWith('~')
}

/** A higher kind wins, within a kind the longer text. */
type Rank = { readonly kind: 3 | 2 | 1; readonly length: number }

function matchRank(pattern: string, name: string): Rank | undefined {
  const length = pattern.length
  if (isRegex(pattern) || pattern === '') return undefined
  if (pattern === name) return { kind: 3, length }
  if (pattern.startsWith('.') && name === pattern.slice(1)) return { kind: 3, length }
  const suffix = pattern.startsWith('*.') ? pattern.slice(1) : pattern
  if (suffix.startsWith('.') && name.endsWith(suffix) && name.length > suffix.length) {
    return { kind: 2, length: suffix.length }
  }
  if (pattern.endsWith('.*') && name.startsWith(pattern.slice(0, -1)) && name.length >= length) {
    return { kind: 1, length }
  }
  return undefined
}

function compareRanks(one: Rank, other: Rank): number {
  return one.kind - other.kind || one.length - other.length
}
