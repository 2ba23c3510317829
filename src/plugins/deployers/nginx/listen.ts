/** The arguments of `listen`. */
import { parseIpAddress } from '../../../acme/identifier.ts'
import { type Directive, formatPlace, type Place } from './config.ts'

/** One `listen` directive. */
export type Listen = {
  readonly place: Place
  /** `0.0.0.0`, `::`, an address without brackets, a host name, or `unix:/path`. */
  readonly host: string
  /** 0 for a socket in the file system; the first one of a range. */
  readonly port: number
  readonly isUnix: boolean
  /** The `ssl` flag of this directive; other directives for the same socket may carry it too. */
  readonly ssl: boolean
  readonly http2: boolean
  readonly proxyProtocol: boolean
  readonly isDefault: boolean
  /** QUIC or plain UDP: another socket than the TCP one of the same number. */
  readonly isUdp: boolean
}

const plainPort = 80
const wildcardIpv4 = '0.0.0.0'

/** Reads a `listen` directive; undefined where it has no address that we can read. */
export function parseListen({ args, place }: Pick<Directive, 'args' | 'place'>): Listen | undefined {
  const [address = '', ...flags] = args
  const socket = parseSocket(address)
  if (socket === undefined) return undefined
  return {
    place,
    ...socket,
    ssl: flags.includes('ssl'),
    http2: flags.includes('http2'),
    proxyProtocol: flags.includes('proxy_protocol'),
    isDefault: flags.includes('default_server') || flags.includes('default'),
    isUdp: flags.includes('quic') || flags.includes('udp'),
  }
}

/** What a server block without `listen` does. */
export function impliedListen(place: Place): Listen {
  const flags = { ssl: false, http2: false, proxyProtocol: false, isDefault: false, isUdp: false }
  return { place, host: wildcardIpv4, port: plainPort, isUnix: false, ...flags }
}

/** The socket as nginx counts it: equal text for equal sockets. */
export function socketKey({ host, port, isUdp }: Listen): string {
  return `${isUdp ? 'udp' : 'tcp'} ${host}|${port}`
}

/** The place of a `listen` with its address, for people. */
export function describeListen(listen: Listen): string {
  return `${formatAddress(listen)} (${formatPlace(listen.place)})`
}

/** `host:port` with brackets where they are needed. */
export function formatAddress({ host, port, isUnix }: Pick<Listen, 'host' | 'port' | 'isUnix'>): string {
  if (isUnix) return host
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

function parseSocket(address: string): Pick<Listen, 'host' | 'port' | 'isUnix'> | undefined {
  if (address.startsWith('unix:')) return { host: address, port: 0, isUnix: true }
  const bare = /^(\d+)(?:-\d+)?$/.exec(address)
  if (bare) return socketOf(wildcardIpv4, bare[1])
  const bracketed = /^\[([^\]]*)\](?::(\d+)(?:-\d+)?)?$/.exec(address)
  if (bracketed) {
    const host = parseIpAddress(bracketed[1] ?? '')
    return host === undefined ? undefined : socketOf(host, bracketed[2])
  }
  const named = /^([^:\s]+)(?::(\d+)(?:-\d+)?)?$/.exec(address)
  const host = named?.[1]?.toLowerCase()
  return host === undefined ? undefined : socketOf(host === '*' ? wildcardIpv4 : host, named?.[2])
}

function socketOf(
  host: string,
  port: string | undefined,
): Pick<Listen, 'host' | 'port' | 'isUnix'> | undefined {
  const number = port === undefined ? plainPort : Number(port)
  return number > 0 && number < 65_536 ? { host, port: number, isUnix: false } : undefined
}
