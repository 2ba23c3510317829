/** What Apache httpd prints of its configuration (`-t -D DUMP_...`). Pure. */

/** A file of the configuration, and the files that it includes, each with the line where that is said. */
export type IncludedFile = {
  readonly path: string
  readonly line: number
  readonly includes: readonly IncludedFile[]
}

export type Dump = {
  /** The main file; absent where nothing was printed. */
  readonly main: IncludedFile | undefined
  readonly serverRoot: string | undefined
  readonly pidFile: string | undefined
  /** `ssl_module`, … */
  readonly modules: ReadonlySet<string>
  /** Names with their values; empty where they have none. */
  readonly defines: ReadonlyMap<string, string>
  /** The certificates that will be loaded. */
  readonly certificates: readonly string[]
}

/** The switches that make it print what `parseDump` reads. */
export const dumpSwitches = ['INCLUDES', 'RUN_CFG', 'MODULES', 'CERTS'].flatMap(what => [
  '-D',
  `DUMP_${what}`,
])

/** Reads what was printed with {@link dumpSwitches}. */
export function parseDump(text: string): Dump {
  const lines = text.split('\n')
  const values = (pattern: RegExp) => lines.flatMap(line => pattern.exec(line)?.slice(1) ?? [])
  const defines = lines.flatMap(line => {
    const [, name, value = ''] = /^Define: ([^=]+)(?:=(.*))?$/.exec(line) ?? []
    return name === undefined ? [] : [[name, value] as const]
  })
  const after = lines.slice(lines.indexOf('Server certificates:') + 1)
  return {
    main: includesIn(lines),
    serverRoot: values(/^ServerRoot: "(.*)"$/)[0],
    pidFile: values(/^PidFile: "(.*)"$/)[0],
    modules: new Set(values(/^ (\S+_module) \((?:static|shared)\)$/)),
    defines: new Map(defines),
    certificates: lines.includes('Server certificates:')
      ? after.flatMap(line => /^ {2}(\/.*)$/.exec(line)?.[1] ?? [])
      : [],
  }
}

type OpenFile = { path: string; line: number; includes: OpenFile[] }

/** `  (*) FILE`, and for what it includes `    (LINE) FILE`: two columns more for each level. */
function includesIn(lines: readonly string[]): IncludedFile | undefined {
  const open: OpenFile[] = [] // the last file of each level
  for (const line of lines) {
    const [, indent = '', at = '', path = ''] = /^((?: {2})+)\((\*|\d+)\) (\/.*)$/.exec(line) ?? []
    if (path === '') continue
    const level = indent.length / 2 - 1
    const file = { path, line: Number(at.replace('*', '0')), includes: [] }
    open[level - 1]?.includes.push(file)
    open.splice(level, open.length, file)
  }
  return open[0]
}
