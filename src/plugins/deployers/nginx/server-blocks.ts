/** The server blocks of a configuration, with what they inherit. */
import { absolutePath, type Config, type Directive, type Place } from './config.ts'
import { impliedListen, type Listen, parseListen } from './listen.ts'

/** The value of `ssl_certificate` or `ssl_certificate_key`. */
export type FileSetting = {
  readonly value: string
  readonly place: Place
  /** Absolute; undefined where it is not one file: it has variables, or is `data:` or `engine:`. */
  readonly path: string | undefined
}

/** A `server` block of `http`, `stream` or `mail`. */
export type ServerBlock = {
  readonly context: 'http' | 'stream' | 'mail'
  readonly place: Place
  readonly listens: readonly Listen[]
  /** Values of `server_name`, lower case, as they select a block in a TLS handshake. */
  readonly names: readonly string[]
  /** `ssl_certificate` in force, the block's own or the inherited ones. */
  readonly certificates: readonly FileSetting[]
  readonly keys: readonly FileSetting[]
  /** Whether the certificates in force stand in this block. */
  readonly ownCertificates: boolean
  /** `ssl_reject_handshake on`: no certificate is ever shown. */
  readonly rejectsHandshakes: boolean
  /** Whether it sends every request on to https, so that it would send TLS clients round in a circle. */
  readonly redirectsToHttps: boolean
  /** The block itself, and what it may inherit from. */
  readonly directive: Directive
  readonly outer: readonly Directive[]
}

const contexts = ['http', 'stream', 'mail'] as const

/** All server blocks, in the order of the configuration. */
export function serverBlocks({ directives, directory }: Config): readonly ServerBlock[] {
  const main = byName(directives)
  return contexts.flatMap(context =>
    all(main, context).flatMap(({ block = [] }) => {
      const level = byName(block)
      return all(level, 'server').flatMap(directive =>
        directive.block === undefined
          ? []
          : [
              {
                ...serverBlock({ context, level, directory }, directive.place, byName(directive.block)),
                directive,
                outer: block,
              },
            ],
      )
    }),
  )
}

type Level = ReadonlyMap<string, readonly Directive[]>
type Surroundings = {
  readonly context: ServerBlock['context']
  readonly level: Level
  readonly directory: string
}

function serverBlock(
  { context, level, directory }: Surroundings,
  place: Place,
  own: Level,
): Omit<ServerBlock, 'directive' | 'outer'> {
  // A level that has the directive replaces the whole list of the level above.
  const inForce = (name: string): readonly Directive[] => (own.has(name) ? all(own, name) : all(level, name))
  const filesOf = (name: string): readonly FileSetting[] =>
    inForce(name).map(directive => fileSetting(directive, directory))
  const isOn = (name: string): boolean => inForce(name).at(-1)?.args[0] === 'on'
  const allTls = isOn('ssl') // before nginx 1.25.1
  const listens = own.has('listen')
    ? all(own, 'listen').flatMap(directive => parseListen(directive) ?? [])
    : [impliedListen(place)]
  return {
    context,
    place,
    listens: listens.map(listen => ({ ...listen, ssl: listen.ssl || allTls })),
    // In `mail` the name is only for greetings.
    names: context === 'mail' ? [] : all(own, 'server_name').flatMap(({ args }) => args.map(lowerCase)),
    certificates: filesOf('ssl_certificate'),
    keys: filesOf('ssl_certificate_key'),
    ownCertificates: own.has('ssl_certificate'),
    rejectsHandshakes: isOn('ssl_reject_handshake'),
    redirectsToHttps: [own, ...rootLocations(own)].some(redirectsToHttps),
  }
}

/** The bodies of `location /` and `location ^~ /`. */
function rootLocations(own: Level): readonly Level[] {
  return all(own, 'location')
    .filter(({ args }) => args.at(-1) === '/' && args[0] !== '=')
    .map(({ block = [] }) => byName(block))
}

function redirectsToHttps(level: Level): boolean {
  const targets = [
    ...all(level, 'return').map(({ args }) => args.at(-1)),
    ...all(level, 'rewrite').map(({ args }) => args[1]),
  ]
  return targets.some(target => target?.startsWith('https://'))
}

function fileSetting({ args, place }: Directive, directory: string): FileSetting {
  const [value = ''] = args
  const isFile = !/\$|^(?:data|engine|store):/.test(value)
  return { value, place, path: isFile ? absolutePath(value, directory) : undefined }
}

function byName(directives: readonly Directive[]): Level {
  return Map.groupBy(directives, ({ name }) => name)
}

function all(level: Level, name: string): readonly Directive[] {
  return level.get(name) ?? []
}

/** Names are compared without case; regular expressions are left alone. */
function lowerCase(name: string): string {
  return name.startsWith('~') ? name : name.toLowerCase()
}
