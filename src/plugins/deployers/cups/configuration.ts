/** The configuration of CUPS: where it keeps certificates, and which of them it serves. Pure. */
import { reachable } from '../server/listen.ts'
import type { CertificatePlace } from '../server/place.ts'

/** Directives outside of sections, by their names in lower case, in their order. */
export type Directives = readonly (readonly [name: string, value: string])[]

/** Reads `cupsd.conf` or `cups-files.conf`. */
export function parseDirectives(text: string): Directives {
  let depth = 0
  return text.split('\n').flatMap(raw => {
    const line = raw.trim()
    const [, name = '', value = ''] = /^([^#<\s]\S*)\s+(.*)$/.exec(line) ?? []
    if (line.startsWith('</')) depth = Math.max(depth - 1, 0)
    else if (line.startsWith('<')) depth += 1
    return name !== '' && depth === 0 ? [[name.toLowerCase(), value.trim()] as const] : []
  })
}

export type CupsConfiguration = {
  /** `cupsd.conf` */
  readonly settings: Directives
  /** `cups-files.conf` */
  readonly files: Directives
  /** Where they are. */
  readonly directory: string
}

/**
 * CUPS serves `<ServerName>.crt` with `<ServerName>.key` from its directory, whatever name a client sends.
 * @param options.wanted - another file of that directory, which it serves to those who come to that name
 */
export function cupsPlaces(
  { settings, files, directory }: CupsConfiguration,
  { hostName, wanted }: { readonly hostName: string; readonly wanted: string | undefined },
): readonly CertificatePlace[] {
  const root = last(files, 'serverroot') ?? directory
  const keychain = (last(files, 'serverkeychain') ?? 'ssl').replace(/\/$/, '')
  const store = keychain.startsWith('/') ? keychain : `${root}/${keychain}`
  const endpoints = settings.flatMap(toEndpoint)
  const usual = `${store}/${last(settings, 'servername') ?? hostName}.crt`
  const others =
    wanted !== undefined && wanted.endsWith('.crt') && directoryOf(wanted) === store ? [wanted] : []
  return [...new Set([usual, ...others])].map(certificateFile => ({
    certificateFile,
    keyFile: certificateFile.replace(/\.crt$/, '.key'),
    names: [certificateFile.slice(certificateFile.lastIndexOf('/') + 1, -'.crt'.length).toLowerCase()],
    isOnly: true,
    source: 'ServerName and ServerKeychain',
    endpoints,
  }))
}

function last(directives: Directives, wanted: string): string | undefined {
  return directives.findLast(([name]) => name === wanted)?.[1]
}

function directoryOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'))
}

/** It sees by the first byte whether a client speaks TLS; nothing for sockets in the file system. */
function toEndpoint([name, value]: Directives[number]): CertificatePlace['endpoints'] {
  if (name === 'port' || name === 'sslport') return [{ host: reachable(''), port: Number(value) }]
  if (name !== 'listen' && name !== 'ssllisten') return []
  const [, host = '', port = '631'] = /^(\[[^\]]*\]|[^:/]*)(?::(\d+))?$/.exec(value) ?? []
  return value.startsWith('/') || host === '' ? [] : [{ host: reachable(host), port: Number(port) }]
}
