/** The tables by which Postfix chooses a certificate for the name that a client asks for. Pure. */

export type SniTable = {
  /** `hash`, `texthash`, … */
  readonly type: string
  /** What is edited; in the kinds that are built the index lies beside it. */
  readonly sourceFile: string
  /** The files are copied into an index when it is built, which has to be done for each certificate. */
  readonly isBuilt: boolean
}

/** One line of a table. */
export type SniEntry = { readonly name: string; readonly files: readonly string[] }

const builtTypes = ['hash', 'btree', 'lmdb', 'cdb', 'dbm', 'sdbm']
const plainTypes = ['texthash']

/** The tables that `tls_server_sni_maps` names, of the kinds that are made from a file of names. */
export function parseSniMaps(value: string): readonly SniTable[] {
  return value.split(/[\s,]+/).flatMap(word => {
    const [, type = '', sourceFile = ''] = /^(?:proxy:)?([a-z]+):(\/.*)$/.exec(word) ?? []
    const isBuilt = builtTypes.includes(type)
    return isBuilt || plainTypes.includes(type) ? [{ type, sourceFile, isBuilt }] : []
  })
}

/** Reads the source of a table: a name and its files on each line; a line that begins with white space goes on with the last. */
export function parseSniSource(text: string): readonly SniEntry[] {
  const lines: string[] = []
  for (const line of text.split('\n')) {
    if (line.trim() === '' || line.trimStart().startsWith('#')) continue
    const last = lines.pop()
    if (last !== undefined && /^\s/.test(line)) lines.push(`${last} ${line.trim()}`)
    else lines.push(...(last === undefined ? [] : [last]), line.trim())
  }
  return lines.map(line => {
    const [name = '', ...files] = line.split(/[\s,]+/).filter(word => word !== '')
    return { name: name.toLowerCase(), files }
  })
}

/** The names that an entry is for, as certificates have them: `.example.com` stands for all below. */
export function namesOf({ name }: SniEntry): readonly string[] {
  return [name.startsWith('.') ? `*${name}` : name]
}
