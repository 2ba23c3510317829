/** The virtual hosts of Apache httpd, with everything that is included. Pure. */
import { AppError } from '../../../base/errors.ts'
import { printable } from '../../../base/printable.ts'
import { isMeantBy } from '../../deployers/apache/directives.ts'
import { isGlob, matchesGlob } from '../../deployers/nginx/glob.ts'
import type { Source } from '../file-edit.ts'
import { type ApacheNode, parseApacheFile } from './document.ts'

/** `*` stands for all addresses; port 0 for all ports. */
export type Address = { readonly host: string; readonly port: number }

/** A `<VirtualHost>`. */
export type Host = {
  readonly node: ApacheNode
  readonly addresses: readonly Address[]
  /** `ServerName` and `ServerAlias`, lower case. */
  readonly names: readonly string[]
  /** Everything in it, conditions and includes resolved. */
  readonly settings: readonly ApacheNode[]
  readonly speaksTls: boolean
}

/** What Apache says about itself. */
export type ApacheFacts = {
  readonly serverRoot: string
  readonly modules: ReadonlySet<string>
  readonly defines: ReadonlyMap<string, string>
}

export type ApacheConfig = {
  /** Outside of virtual hosts. */
  readonly main: readonly ApacheNode[]
  readonly hosts: readonly Host[]
  /** Files that Apache reads and no include leads to: our view differs from its. */
  readonly unplaced: readonly string[]
}

/** Files that include each other would otherwise go on for ever. */
const maxDepth = 50
const maxNodes = 500_000

/**
 * Follows the files in the order in which they are read.
 * @param sources - of every file, the main one first
 * @throws AppError ERR_FORMAT with file and line
 */
export function readHosts(sources: readonly Source[], facts: ApacheFacts): ApacheConfig {
  const [first] = sources
  if (first === undefined) throw new AppError('ERR_FORMAT', 'Apache names no configuration file')
  const files = new Map(sources.map(source => [source.name, parseApacheFile(source)]))
  const used = new Set([first.name])
  let made = 0

  const expand = (nodes: readonly ApacheNode[], depth: number): readonly ApacheNode[] =>
    nodes.flatMap(node => {
      const { name, children, place } = node
      made += 1
      if (depth > maxDepth || made > maxNodes)
        throw new AppError('ERR_FORMAT', `${place.file}:${place.line}: includes are nested too deeply`)
      if (children !== undefined && conditions.has(name))
        return applies(node, facts) ? expand(children, depth + 1) : []
      if (name === 'macro') return []
      if (name === 'include' || name === 'includeoptional') {
        return includedFiles(node, facts, files.keys()).flatMap(file => {
          used.add(file)
          return expand(files.get(file) ?? [], depth + 1)
        })
      }
      return children === undefined ? [node] : [{ ...node, children: expand(children, depth + 1) }]
    })

  const main = expand(files.get(first.name) ?? [], 0)
  const settings = main.filter(({ name }) => name !== 'virtualhost')
  const hosts = main.filter(({ name }) => name === 'virtualhost').map(node => hostOf(node, settings, facts))
  return { main: settings, hosts, unplaced: [...files.keys()].filter(file => !used.has(file)) }
}

/** Sections that only say whether what is in them counts. */
const conditions = new Set(['ifmodule', 'ifdefine', 'ifversion', 'iffile', 'ifdirective', 'ifsection'])

/** Those that only the server can decide are taken as met. */
function applies({ name, args: [condition = ''] }: ApacheNode, { modules, defines }: ApacheFacts): boolean {
  const negated = condition.startsWith('!')
  const bare = condition.replace(/^!/, '')
  if (name === 'ifdefine') return defines.has(bare) !== negated
  if (name === 'ifmodule') return modules.has(bare.replace(/^(?:mod_)?(.*)\.c$/, '$1_module')) !== negated
  return true
}

function includedFiles(
  { args: [arg = ''] }: ApacheNode,
  facts: ApacheFacts,
  known: Iterable<string>,
): readonly string[] {
  const expanded = withDefines(arg, facts)
  const path = expanded.startsWith('/') ? expanded : `${facts.serverRoot.replace(/\/$/, '')}/${expanded}`
  return [...known].filter(file => isMeantBy(path.replace(/\/$/, ''), file)).toSorted()
}

function withDefines(text: string, { defines }: ApacheFacts): string {
  return text.replace(/\$\{([^}]+)\}/g, (all, name: string) => defines.get(name) ?? all)
}

function hostOf(node: ApacheNode, main: readonly ApacheNode[], facts: ApacheFacts): Host {
  const settings = node.children ?? []
  const addresses = node.args.flatMap(arg => parseAddress(withDefines(arg, facts)) ?? [])
  const engine = (lastOf(settings, 'sslengine') ?? lastOf(main, 'sslengine'))?.args[0]?.toLowerCase()
  const name = lastOf(settings, 'servername')?.args[0]
  const aliases = settings.filter(one => one.name === 'serveralias').flatMap(({ args }) => args)
  return {
    node,
    addresses,
    settings,
    names: [
      ...(name === undefined ? [] : [name.replace(/^[a-z]+:\/\//i, '').replace(/:\d+$/, '')]),
      ...aliases,
    ].map(one => withDefines(one, facts).toLowerCase()),
    // With nothing said, port 443 speaks TLS.
    speaksTls:
      engine === undefined
        ? addresses.some(({ port }) => port === 443)
        : engine === 'on' || engine === 'optional',
  }
}

/** The directive of that name that counts where one value is meant. */
export function lastOf(nodes: readonly ApacheNode[], name: string): ApacheNode | undefined {
  return nodes.findLast(node => node.name === name)
}

/** `443`, `*:443`, `192.0.2.1`, `[::1]:443`. */
export function parseAddress(text: string): Address | undefined {
  if (/^\d+$/.test(text)) return { host: '*', port: Number(text) }
  const [, host, port] = /^(\[[^\]]*\]|[^:]*)(?::(\d+|\*))?$/.exec(text) ?? []
  if (host === undefined || host === '') return undefined
  return { host: host === '_default_' ? '*' : host.toLowerCase(), port: Number(port?.replace('*', '0') ?? 0) }
}

/** `*:443`, `[::1]:443` */
export function formatApacheAddress({ host, port }: Address): string {
  return `${host}:${port === 0 ? '*' : port}`
}

/** Whether a name or alias is meant by a name; `*` and `?` in an alias stand for characters. */
export function matchesName(alias: string, name: string): boolean {
  return isGlob(alias) ? matchesGlob(alias.replaceAll('[', '\\['), name) : alias === name
}

/** An argument as it is written in a configuration. */
export function formatApacheArgument(text: string): string {
  // oxlint-disable-next-line no-control-regex -- the controls are the point
  if (/[\u0000-\u001f\u007f]|\$\{/.test(text))
    throw new AppError('ERR_FORMAT', `"${printable(text)}" cannot be written into a configuration of Apache`)
  return `"${text.replace(/["\\]/g, '\\$&')}"`
}

/** `/etc/apache2/sites-enabled/shop.conf:3` */
export function placeOf({ place: { file, line } }: ApacheNode): string {
  return `${file}:${line}`
}
