/** The configuration of Prosody, which is a program in Lua: what is written out in it. Pure. */

/** A host, or all of them before the first. */
export type Section = {
  readonly host: string | undefined
  readonly values: ReadonlyMap<string, readonly string[]>
}

const assignment = /([A-Za-z_]\w*)\s*=\s*(?:(["'])(.*?)\2|(-?\d+)|\{([^{}]*)\})/g
const header = /\b(?:VirtualHost|Component)\s*\(?\s*(["'])(.*?)\1/g

/**
 * Reads the settings of each host. `ssl = { certificate = ..., key = ... }` comes out as `ssl.certificate` and `ssl.key`.
 * Anything computed is left out.
 */
export function parseSections(text: string): readonly Section[] {
  const plain = withoutComments(text)
  const headers = [...plain.matchAll(header)]
  const starts = [{ index: 0, host: undefined }, ...headers.map(({ index, 2: host }) => ({ index, host }))]
  return starts.map(({ index, host }, number) => ({
    host,
    values: valuesIn(plain.slice(index, starts[number + 1]?.index)),
  }))
}

/** The files that are read where `Include` stands, as patterns. */
export function includesIn(text: string): readonly string[] {
  return [...withoutComments(text).matchAll(/\bInclude\s*\(?\s*(["'])(.*?)\1/g)].map(
    ([, , path = '']) => path,
  )
}

function valuesIn(text: string): ReadonlyMap<string, readonly string[]> {
  const values = new Map<string, readonly string[]>()
  for (const [, name = '', , string, number, table] of text.matchAll(assignment)) {
    if (table === undefined) values.set(name, [string ?? number ?? ''])
    else {
      for (const [key, items] of valuesIn(table)) values.set(`${name}.${key}`, items)
      values.set(name, itemsIn(table))
    }
  }
  return values
}

/** The strings and numbers of a list. */
function itemsIn(table: string): readonly string[] {
  return table.split(/[,;\n]/).flatMap(item => {
    const [, , string, number] = /^\s*(?:(["'])(.*?)\1|(\d+))\s*$/.exec(item) ?? []
    const value = string ?? number
    return value === undefined ? [] : [value]
  })
}

/** Two hyphens begin a comment, but not inside of a string. */
function withoutComments(text: string): string {
  return text.replace(/("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|--\[\[[\s\S]*?\]\]|--[^\n]*/g, '$1')
}

/** The certificate of each host, as `prosodyctl check certs` prints them; without those that it could not load. */
export function certificatesByHost(text: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  let host = ''
  for (const line of text.split('\n')) {
    host = /^Checking certificate for (\S+)/.exec(line)?.[1] ?? host
    const certificate = /^\s+Certificate: (\/.*)$/.exec(line)?.[1]
    if (certificate !== undefined) found.set(host, certificate.trim())
  }
  return found
}
