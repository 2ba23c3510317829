/** Names of server blocks and virtual hosts against those of a certificate. Pure. */
import type { Identifier } from '../../acme/identifier.ts'

/** More of them nobody reads. */
const shownNames = 5

/** Names for which the certificate would be refused. Those that no CA could certify do not count. */
export function uncoveredNames(
  { names }: { readonly names: readonly string[] },
  identifiers: readonly Identifier[],
): readonly string[] {
  const values = new Set(identifiers.map(({ value }) => value))
  const isCovered = (name: string): boolean => {
    if (name.startsWith('.')) return values.has(name.slice(1)) && values.has(`*${name}`)
    const dot = name.indexOf('.')
    return values.has(name) || (!name.startsWith('*') && values.has(`*${name.slice(dot)}`))
  }
  return names.filter(name => name.includes('.') && !name.startsWith('$') && !isCovered(name))
}

/** Names in a sentence. */
export function someNames(names: readonly string[]): string {
  const rest = names.length - shownNames
  return `${names.slice(0, shownNames).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`
}
