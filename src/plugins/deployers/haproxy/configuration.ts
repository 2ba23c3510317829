/** The configuration of HAProxy, as far as certificates are concerned. Pure. */
import { reachable } from '../server/listen.ts'

/** A line on which TLS is served. */
export type Bind = {
  readonly addresses: readonly { readonly host: string; readonly port: number }[]
  /** Files and directories, absolute. */
  readonly certificates: readonly Certificate[]
  /** Lists of files, absolute. */
  readonly lists: readonly string[]
  readonly proxyProtocol: boolean
  /** File and line. */
  readonly source: string
}

/** A file or directory of certificates; the key, where the configuration says in which file it is. */
export type Certificate = { readonly path: string; readonly keyFile?: string }

export type Configuration = {
  readonly binds: readonly Bind[]
  /** Directory of the certificates that are named by relative paths. */
  readonly base: string | undefined
  readonly pidFile: string | undefined
  readonly hasMaster: boolean
  /** The key of `site.crt` is in `site.key`, not in `site.crt.key`. */
  readonly replacesExtension: boolean
}

export type ConfigurationFile = { readonly path: string; readonly text: string }

type Line = { readonly words: readonly string[]; readonly source: string }
type Section = { readonly head: Line; readonly lines: readonly Line[] }

const sectionNames =
  /^(global|defaults|frontend|backend|listen|peers|resolvers|userlist|mailers|cache|program|ring|log-forward|log-profile|http-errors|fcgi-app|crt-store|traces|acme)$/

/** Reads the files in the order in which HAProxy is given them. */
export function parseConfiguration(files: readonly ConfigurationFile[]): Configuration {
  const sections = files.flatMap(toSections)
  const global = sections.filter(({ head }) => head.words[0] === 'global').flatMap(({ lines }) => lines)
  const setting = (name: string) => global.findLast(({ words }) => words[0] === name)?.words
  const base = setting('crt-base')?.[1]
  const stored = new Map(sections.flatMap(storedCertificates))
  const resolve = (path: string): readonly Certificate[] => {
    const known = stored.get(path)
    const absolute = inDirectory(base, path)
    return known === undefined ? (absolute === undefined ? [] : [{ path: absolute }]) : [known]
  }
  return {
    binds: sections.flatMap(({ lines }) => lines.flatMap(line => toBind(line, { base, resolve }))),
    base,
    pidFile: setting('pidfile')?.[1],
    hasMaster: setting('master-worker') !== undefined,
    replacesExtension: setting('ssl-load-extra-del-ext') !== undefined,
  }
}

function toSections({ path, text }: ConfigurationFile): readonly Section[] {
  const sections: { head: Line; lines: Line[] }[] = []
  for (const [index, line] of text.split('\n').entries()) {
    const words = splitWords(line)
    const one = { words, source: `${path}:${index + 1}` }
    if (sectionNames.test(words[0] ?? '')) sections.push({ head: one, lines: [] })
    else if (words.length > 0) sections.at(-1)?.lines.push(one)
  }
  return sections
}

/** Words with quotes and backslashes taken away, up to a comment. */
export function splitWords(line: string): readonly string[] {
  const words: string[] = []
  let word: string | undefined
  for (const [part] of line.matchAll(/\\.|"(?:\\.|[^"\\])*"|'[^']*'|\s+|#.*|[^]/g)) {
    if (part.startsWith('#')) break
    if (/^\s/.test(part)) {
      if (word !== undefined) words.push(word)
      word = undefined
    } else word = (word ?? '') + bare(part)
  }
  return word === undefined ? words : [...words, word]
}

function bare(part: string): string {
  if (part.length > 1 && part.startsWith("'")) return part.slice(1, -1)
  const inner = part.length > 1 && part.startsWith('"') ? part.slice(1, -1) : part
  return inner.replace(/\\(.)/g, '$1')
}

/** `load crt site.pem key site.key alias site` in `crt-store shop` is called `@shop/site`. */
function storedCertificates({ head, lines }: Section): readonly (readonly [string, Certificate])[] {
  if (head.words[0] !== 'crt-store') return []
  const setting = (name: string) => lines.findLast(({ words }) => words[0] === name)?.words[1]
  return lines.flatMap(({ words }) => {
    const crt = valuesOf(words, 'crt')[0]
    if (words[0] !== 'load' || crt === undefined) return []
    const path = inDirectory(setting('crt-base'), crt)
    const key = valuesOf(words, 'key')[0]
    const keyFile = key === undefined ? undefined : inDirectory(setting('key-base'), key)
    const name = `@${head.words[1] ?? ''}/${valuesOf(words, 'alias')[0] ?? crt}`
    return path === undefined ? [] : [[name, { path, ...(keyFile !== undefined && { keyFile }) }] as const]
  })
}

type Resolver = {
  readonly base: string | undefined
  readonly resolve: (path: string) => readonly Certificate[]
}

function toBind({ words, source }: Line, { base, resolve }: Resolver): readonly Bind[] {
  const [keyword, where = '', ...options] = words
  if (keyword !== 'bind' || !options.includes('ssl')) return []
  const certificates = [...valuesOf(options, 'default-crt'), ...valuesOf(options, 'crt')].flatMap(resolve)
  const lists = valuesOf(options, 'crt-list').flatMap(path => inDirectory(base, path) ?? [])
  const addresses = where.split(',').flatMap(toAddress)
  return [{ addresses, certificates, lists, proxyProtocol: options.includes('accept-proxy'), source }]
}

function valuesOf(words: readonly string[], name: string): readonly string[] {
  return words.flatMap((word, index) => (word === name ? (words[index + 1] ?? []) : []))
}

/** Nothing for sockets in the file system, QUIC, and what only the environment tells. */
function toAddress(text: string): Bind['addresses'] {
  const [, host, port] = /^(?:(?:ipv4|ipv6|tcp|tcp4|tcp6)@)?([^@/$]*):(\d+)(?:-\d+)?$/.exec(text) ?? []
  return host === undefined ? [] : [{ host: reachable(host), port: Number(port) }]
}

function inDirectory(directory: string | undefined, path: string): string | undefined {
  if (path.startsWith('/')) return path
  return directory?.startsWith('/') ? `${directory.replace(/\/$/, '')}/${path}` : undefined
}

/** An entry of a `crt-list`: a file, and the names for which it is served where that is said. */
export type ListEntry = { readonly path: string; readonly names?: readonly string[] }

/** Reads a `crt-list`: `FILE [OPTIONS] NAME ...`, the options in brackets. */
export function parseList(text: string, { base }: Pick<Configuration, 'base'>): readonly ListEntry[] {
  return text.split('\n').flatMap(line => {
    const [file = '', ...filters] = splitWords(line.replace(/\[[^\]]*\]/, ' '))
    const path = file === '' ? undefined : inDirectory(base, file)
    const names = filters.filter(name => !name.startsWith('!'))
    return path === undefined ? [] : [{ path, ...(names.length > 0 && { names }) }]
  })
}
