/** Where Apache httpd reads certificates and at which addresses it serves them. Pure. */
import { reachable } from '../server/listen.ts'
import type { CertificatePlace } from '../server/place.ts'
import type { Scope, Scopes } from './directives.ts'

type Address = { readonly host: string; readonly port: number }
type Files = Pick<CertificatePlace, 'certificateFile' | 'keyFile' | 'chainFile'>

/** The certificates of virtual hosts with TLS, and of the main server. */
export function apachePlaces(
  { main, hosts }: Scopes,
  { serverRoot }: { readonly serverRoot: string },
): readonly CertificatePlace[] {
  const listeners = (main.settings.get('listen') ?? []).flatMap(([text = '']) => parseAddress(text) ?? [])
  const secure = hosts.filter(host => hasTls(host, main))
  const taken = new Set(
    hosts.flatMap(({ addresses }) => addresses.flatMap(text => parseAddress(text)?.port ?? [])),
  )
  const rest = listeners.filter(({ port }) => !taken.has(port))
  const engine = last(main, 'sslengine')?.toLowerCase()
  return [
    ...secure.flatMap(host => placesOf(host, { main, secure, listeners, serverRoot })),
    ...(engine === 'on' && rest.length > 0
      ? filesOf(main, serverRoot).map(files => ({
          ...files,
          source: main.source,
          endpoints: rest.map(toEndpoint),
        }))
      : []),
  ]
}

type Around = {
  readonly main: Scope
  readonly secure: readonly Scope[]
  readonly listeners: readonly Address[]
  readonly serverRoot: string
}

function placesOf(host: Scope, { main, secure, listeners, serverRoot }: Around): readonly CertificatePlace[] {
  const own = filesOf(host, serverRoot)
  const files = own.length > 0 ? own : filesOf(main, serverRoot)
  const names = namesOf(host)
  const isAlone = !secure.some(
    other => other !== host && other.addresses.some(one => host.addresses.includes(one)),
  )
  const usesProxy =
    (last(host, 'remoteipproxyprotocol') ?? last(main, 'remoteipproxyprotocol'))?.toLowerCase() === 'on'
  return files.map(one => ({
    ...one,
    ...(names.length > 0 && { names }),
    ...(isAlone && { isOnly: true }),
    ...(files.length > 1 && { foreign: 'which stands beside one of another kind: name live/ for both' }),
    source: host.source,
    endpoints: host.addresses
      .flatMap(text => addressesAt(text, listeners))
      .map(address => ({ ...toEndpoint(address), ...(usesProxy && { proxyProtocol: true }) })),
  }))
}

/** With nothing said, port 443 speaks TLS. */
function hasTls(host: Scope, main: Scope): boolean {
  const engine = (last(host, 'sslengine') ?? last(main, 'sslengine'))?.toLowerCase()
  if (engine !== undefined) return engine === 'on' || engine === 'optional'
  return host.addresses.some(text => parseAddress(text)?.port === 443)
}

/** Certificates and keys in their order; one without a key of its own has it in the same file. */
function filesOf(scope: Scope, serverRoot: string): readonly Files[] {
  const paths = (name: string) =>
    (scope.settings.get(name) ?? []).flatMap(([path = '']) => inDirectory(serverRoot, path) ?? [])
  const keys = paths('sslcertificatekeyfile')
  const chainFile = paths('sslcertificatechainfile').at(-1)
  return paths('sslcertificatefile').map((certificateFile, index) => ({
    certificateFile,
    keyFile: keys[index] ?? certificateFile,
    ...(chainFile !== undefined && { chainFile }),
  }))
}

/** Nothing for what only the environment tells, and for keys in hardware. */
function inDirectory(directory: string, path: string): string | undefined {
  if (path.includes('${') || /^[a-z0-9+]+:/i.test(path)) return undefined
  return path.startsWith('/') ? path : `${directory.replace(/\/$/, '')}/${path}`
}

function namesOf(host: Scope): readonly string[] {
  const name = last(host, 'servername')
    ?.replace(/^[a-z]+:\/\//i, '')
    .replace(/:\d+$/, '')
  const aliases = (host.settings.get('serveralias') ?? []).flat()
  return [...(name === undefined ? [] : [name]), ...aliases].map(one => one.toLowerCase())
}

/** A virtual host for all addresses is where the server listens with its port. */
function addressesAt(text: string, listeners: readonly Address[]): readonly Address[] {
  const address = parseAddress(text)
  if (address === undefined) return []
  const isEverywhere = ['*', '_default_', '0.0.0.0', '::'].includes(address.host)
  const fits = listeners.filter(({ port }) => port === address.port || address.port === 0)
  return isEverywhere ? fits : address.port === 0 ? fits.map(({ port }) => ({ ...address, port })) : [address]
}

/** `443`, `*:443`, `192.0.2.1`, `[::1]:443`; port 0 stands for all. */
function parseAddress(text: string): Address | undefined {
  if (/^\d+$/.test(text)) return { host: '*', port: Number(text) }
  const [, host, port] = /^(\[[^\]]*\]|[^:]*)(?::(\d+|\*))?$/.exec(text) ?? []
  if (host === undefined) return undefined
  return { host: host.replace(/^\[(.*)\]$/, '$1'), port: Number(port?.replace('*', '0') ?? 0) }
}

function toEndpoint({ host, port }: Address): Address {
  return { host: reachable(host === '_default_' ? '*' : host), port }
}

function last({ settings }: Scope, name: string): string | undefined {
  return settings.get(name)?.at(-1)?.[0]
}
