/** What a target is about, told from its options: two of a kind must be told apart. Pure. */
import type { Json } from '../contracts/solver.ts'

type Options = Readonly<Record<string, Json>>

/** The server, place or program that a target is about; `undefined` where there is only one of its kind. */
export function targetPlace(name: string, options: Options): string | undefined {
  return (places[name] ?? configuredPlace)(options)
}

const places: Readonly<Record<string, (options: Options) => string | undefined>> = {
  systemd: ({ unit }) => text(unit),
  process: processPlace,
  exec: ({ command }) => words(command),
  'restart-if-older': options => text(options['unit']) ?? processPlace(options),
  container: ({ name, label }) => text(name) ?? text(label),
  ssh: options => {
    const { host, user, port } = options
    const login = user === undefined ? '' : `${text(user) ?? ''}@`
    const where = typeof port === 'number' ? `:${port}` : ''
    return `${login}${text(host) ?? ''}${where} ${filesPlace(options) ?? ''}`
  },
  kubernetes: ({ namespace, secret, server }) => {
    const place = `${text(namespace) ?? ''}/${text(secret) ?? ''}`
    return server === undefined ? place : `${place} at ${text(server) ?? ''}`
  },
  vault: ({ address, namespace, mount, path }) =>
    [address, namespace, mount, path].flatMap(part => text(part)?.replace(/\/$/, '') ?? []).join('/'),
}

/** A server's configuration, or the files that it is given. */
function configuredPlace(options: Options): string | undefined {
  return text(options['config']) ?? filesPlace(options)
}

function filesPlace({ directory, write }: Options): string | undefined {
  const [first] = Array.isArray(write) ? write : []
  return text(directory) ?? text(first?.path)
}

function processPlace(options: Options): string | undefined {
  const { program, port } = options
  const called = typeof port === 'number' ? `${text(program) ?? ''} on port ${port}` : text(program)
  return text(options['pid-file']) ?? called
}

function words(command: Json | undefined): string | undefined {
  return Array.isArray(command) ? command.map(String).join(' ') : undefined
}

function text(value: Json | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined
}
