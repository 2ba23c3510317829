/** The configuration of stunnel. Pure. */
import type { StartTls } from '../../../runtime/network.ts'
import { reachable } from '../server/listen.ts'
import type { CertificatePlace } from '../server/place.ts'

/** `[web]` and what is said in it; the first section is what is said before any, and has no name. */
export type Section = {
  readonly name: string
  readonly options: ReadonlyMap<string, string>
  /** File and line. */
  readonly source: string
}

export type Parsed = {
  readonly sections: readonly Section[]
  /** Directories of which every file is read where they are named. */
  readonly includes: readonly string[]
  /** The first line that stunnel would not accept. */
  readonly mistake?: string
}

/** Reads the files in the order in which stunnel does. */
export function parseConfiguration(
  files: readonly { readonly path: string; readonly text: string }[],
): Parsed {
  const sections = [{ name: '', options: new Map<string, string>(), source: files[0]?.path ?? '' }]
  const includes: string[] = []
  let mistake: string | undefined
  for (const { path, text } of files) {
    for (const [index, raw] of text.split('\n').entries()) {
      const line = raw.trim()
      const source = `${path}:${index + 1}`
      if (line === '' || /^[;#]/.test(line)) continue
      const section = /^\[(.*)\]$/.exec(line)?.[1]
      const [, key, value = ''] = /^([^=]*[^=\s])\s*=\s*(.*)$/.exec(line) ?? []
      if (section !== undefined) sections.push({ name: section, options: new Map(), source })
      else if (key === undefined) mistake ??= `${source} has no "="`
      else if (key.toLowerCase() === 'include') includes.push(value)
      else sections.at(-1)?.options.set(key.toLowerCase(), value)
    }
  }
  return { sections, includes, ...(mistake !== undefined && { mistake }) }
}

/** What is spoken with clients before TLS. */
const dialogues: ReadonlyMap<string, StartTls> = new Map([
  ['smtp', 'smtp'],
  ['imap', 'imap'],
  ['pop3', 'pop3'],
  ['pgsql', 'postgres'],
])
/** That we do not speak. */
const unspoken = ['nntp', 'cifs', 'connect', 'socks']

/** The certificates of the services that stunnel is the server of. */
export function stunnelPlaces({ sections }: Pick<Parsed, 'sections'>): readonly CertificatePlace[] {
  const [common, ...services] = sections
  if (common === undefined) return []
  const option = ({ options }: Section, name: string) => options.get(name) ?? common.options.get(name)
  return services.flatMap(service => {
    const certificateFile = option(service, 'cert')
    if (option(service, 'client')?.toLowerCase() === 'yes' || certificateFile?.startsWith('/') !== true)
      return []
    const [master, pattern] = option(service, 'sni')?.split(':') ?? []
    const listener = pattern === undefined ? service : services.find(({ name }) => name === master)
    const protocol = listener === undefined ? '' : (option(listener, 'protocol')?.toLowerCase() ?? '')
    const address = listener === undefined ? undefined : parseAddress(option(listener, 'accept') ?? '')
    const startTls = dialogues.get(protocol)
    return {
      certificateFile,
      // A key that is said beside all sections belongs to the certificate that is said there.
      keyFile:
        service.options.get('key') ??
        (service.options.has('cert') ? certificateFile : option(service, 'key')) ??
        certificateFile,
      ...(pattern !== undefined && { names: [pattern.toLowerCase()] }),
      source: `${service.source} [${service.name}]`,
      endpoints:
        address === undefined || unspoken.includes(protocol)
          ? []
          : [{ ...address, ...(startTls !== undefined && { startTls }) }],
    }
  })
}

/** `443`, `127.0.0.1:443`, `:::443`; nothing for a socket in the file system. */
function parseAddress(text: string): { readonly host: string; readonly port: number } | undefined {
  const [, host = '', port] = /^(?:([^/]*):)?(\d+)$/.exec(text) ?? []
  return port === undefined ? undefined : { host: reachable(host), port: Number(port) }
}
