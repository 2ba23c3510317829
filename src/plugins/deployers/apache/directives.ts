/** The files of Apache httpd's configuration, and of others in its style, as virtual hosts. Pure. */
import { isGlob, matchesGlob } from '../nginx/glob.ts'
import type { Dump, IncludedFile } from './dump.ts'

/** What is said in a virtual host, for all of them, or outside of them all. */
export type Scope = {
  readonly kind: 'main' | 'global' | 'virtualhost'
  /** `*:443`, …; empty outside of virtual hosts. */
  readonly addresses: readonly string[]
  /** File and line of its beginning. */
  readonly source: string
  /** The arguments of each directive, by its name in lower case. */
  readonly settings: ReadonlyMap<string, readonly (readonly string[])[]>
}

export type Scopes = { readonly main: Scope; readonly hosts: readonly Scope[] }

type OpenScope = Scope & { readonly settings: Map<string, (readonly string[])[]> }
type Section = { readonly name: string; readonly isActive: boolean; readonly scope: OpenScope }
type Walk = {
  readonly texts: ReadonlyMap<string, string>
  readonly dump: Pick<Dump, 'modules' | 'defines' | 'serverRoot'>
  readonly hosts: OpenScope[]
  /** Innermost last. */
  readonly sections: Section[]
}

/**
 * Follows the files in the order in which they are read.
 * @param texts - of every file that is included
 */
export function readScopes(
  dump: Pick<Dump, 'main' | 'modules' | 'defines' | 'serverRoot'>,
  texts: ReadonlyMap<string, string>,
): Scopes {
  const source = dump.main?.path ?? ''
  const main: OpenScope = { kind: 'main', addresses: [], source, settings: new Map() }
  const hosts: OpenScope[] = []
  const sections = [{ name: '', isActive: true, scope: main }]
  if (dump.main !== undefined) walk(dump.main, { texts, dump, hosts, sections })
  return { main, hosts }
}

/** Apache httpd has no `<Global>`, ProFTPD has. */
const scopeKinds = new Map<string, 'global' | 'virtualhost'>([
  ['<global', 'global'],
  ['<virtualhost', 'virtualhost'],
])

function walk({ path, includes }: IncludedFile, state: Walk): void {
  const { texts, dump, hosts, sections } = state
  for (const { number, words } of toLines(texts.get(path) ?? '')) {
    const here = sections.at(-1)
    const [first = '', ...args] = words.map(word => expand(word, dump))
    const name = first.toLowerCase()
    if (here === undefined || name === '') continue
    if (name.startsWith('</')) {
      if (sections.length > 1) sections.pop()
    } else if (name.startsWith('<')) {
      const kind = here.isActive ? scopeKinds.get(name) : undefined
      const scope: OpenScope =
        kind === undefined
          ? here.scope
          : { kind, addresses: args, source: `${path}:${number}`, settings: new Map() }
      if (kind !== undefined) hosts.push(scope)
      sections.push({ name, isActive: here.isActive && applies(name, args, dump), scope })
    } else if (here.isActive) {
      const all = here.scope.settings
      all.set(name, [...(all.get(name) ?? []), args])
      // By name: where a file includes another, Apache prints wrong lines for those that follow it.
      if (name === 'include' || name === 'includeoptional')
        for (const file of includedBy(args[0] ?? '', includes, dump)) walk(file, state)
    }
  }
}

function includedBy(
  pattern: string,
  includes: readonly IncludedFile[],
  { serverRoot = '/' }: Walk['dump'],
): Iterable<IncludedFile> {
  const path = pattern.startsWith('/') ? pattern : `${serverRoot.replace(/\/$/, '')}/${pattern}`
  const files = new Map(includes.map(file => [file.path, file])) // one that is included twice is listed twice
  return [...files.values()].filter(file => isMeantBy(path.replace(/\/$/, ''), file.path))
}

/** Whether a path of `Include` leads to a file; a directory stands for all files below it. */
export function isMeantBy(pattern: string, path: string): boolean {
  for (let part = path; part !== ''; part = part.slice(0, part.lastIndexOf('/')))
    if (isGlob(pattern) ? matchesGlob(pattern, part) : part === pattern) return true
  return false
}

/** Whether what is in a section counts; conditions that only the server can decide are taken as met. */
function applies(
  name: string,
  [condition = '']: readonly string[],
  { modules, defines }: Walk['dump'],
): boolean {
  const negated = condition.startsWith('!')
  const bare = condition.replace(/^!/, '')
  if (name === '<macro') return false // what it says is said where it is used
  if (name === '<ifdefine') return defines.has(bare) !== negated
  if (name === '<ifmodule') return modules.has(bare.replace(/^(?:mod_)?(.*)\.c$/, '$1_module')) !== negated
  return true
}

/** `${NAME}`; names that come from the environment stay as they are. */
function expand(word: string, { defines }: Walk['dump']): string {
  return word.replace(/\$\{([^}]+)\}/g, (all, name: string) => defines.get(name) ?? all)
}

type LogicalLine = { readonly number: number; readonly words: readonly string[] }

/** The words of each line that is no comment; a backslash at the end goes on in the next one. */
export function toLines(text: string): readonly LogicalLine[] {
  const found: LogicalLine[] = []
  let begun = ''
  for (const [index, line] of text.split('\n').entries()) {
    const whole = begun + line.replace(/\r$/, '')
    begun = whole.endsWith('\\') ? whole.slice(0, -1) : ''
    if (begun === '' && !/^\s*(#|$)/.test(whole)) found.push({ number: index + 1, words: splitWords(whole) })
  }
  return found
}

function splitWords(line: string): readonly string[] {
  const trimmed = line.trim().replace(/^(<[^>]*)>$/, '$1')
  return (trimmed.match(/"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\S+/g) ?? []).map(word =>
    /^["']/.test(word) ? word.slice(1, -1).replace(/\\(["'\\])/g, '$1') : word,
  )
}
