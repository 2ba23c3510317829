/** Link header fields (RFC 8288 §3). */

/** One link: its target as it stands there, perhaps relative, and its relation types in lower case. */
export type Link = { readonly target: string; readonly relations: readonly string[] }

// Sticky, each for one piece of the grammar; none can match the same text in two ways.
const target = /[ \t]*<([^<>"\s]*)>/y
const parameter = /[ \t]*;[ \t]*([\w!#$%&'*+.^`|~-]+)(?:[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s",;]+)))?/y
const separator = /[ \t]*(?:,[ \t]*)+|[ \t]*$/y

/**
 * The links of a field, repeated fields joined by commas. Links that speak of another resource (`anchor`) are left out.
 * @returns no link at all when any part of the field is malformed
 */
export function parseLinks(field: string): readonly Link[] {
  const links: Link[] = []
  let position = 0
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = position
    const match = pattern.exec(field) ?? undefined
    if (match !== undefined) position = pattern.lastIndex
    return match
  }
  while (position < field.length) {
    const uri = take(target)?.[1]
    if (uri === undefined) return []
    const parameters = new Map<string, string>()
    for (let found = take(parameter); found !== undefined; found = take(parameter)) {
      const [, name = '', quoted, token] = found
      const key = name.toLowerCase()
      // §3.3: the first `rel` counts, later ones are ignored.
      if (!parameters.has(key)) parameters.set(key, quoted?.replace(/\\(.)/g, '$1') ?? token ?? '')
    }
    if (take(separator) === undefined) return []
    if (parameters.has('anchor')) continue
    const relations = (parameters.get('rel') ?? '').toLowerCase().split(/[ \t]+/)
    links.push({ target: uri, relations: relations.filter(relation => relation !== '') })
  }
  return links
}
