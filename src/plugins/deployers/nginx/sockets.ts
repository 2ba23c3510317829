/** The TCP sockets of a configuration, and the server blocks behind each. */
import { type Listen, socketKey } from './listen.ts'
import type { ServerBlock } from './server-blocks.ts'

/** A server block at one socket, by the `listen` that puts it there. */
export type Member = { readonly block: ServerBlock; readonly here: Listen; readonly names: readonly string[] }

/** One socket. nginx selects first by socket, then by name among the blocks of that socket. */
export type TcpSocket = {
  readonly listen: Listen
  readonly speaksTls: boolean
  readonly proxyProtocol: boolean
  /** In the order of the configuration. */
  readonly members: readonly Member[]
  /** Answers what no name selects. */
  readonly fallback: Member
}

/** One that speaks TLS. */
export type TlsSocket = TcpSocket

/** Those that speak TLS. */
export function tlsSockets(blocks: readonly ServerBlock[]): readonly TlsSocket[] {
  return tcpSockets(blocks).filter(({ speaksTls }) => speaksTls)
}

/** All sockets. Flags of one `listen` hold for every block on its socket. */
export function tcpSockets(blocks: readonly ServerBlock[]): readonly TcpSocket[] {
  const all: readonly Member[] = blocks.flatMap(block =>
    block.listens.filter(({ isUdp }) => !isUdp).map(here => ({ block, here, names: block.names })),
  )
  return [...Map.groupBy(all, ({ here }) => socketKey(here)).values()].flatMap(members => {
    const [first] = members
    if (first === undefined) return []
    const speaksTls = members.some(({ here }) => here.ssl)
    const fallback = members.find(({ here }) => here.isDefault) ?? first
    const proxyProtocol = members.some(({ here }) => here.proxyProtocol)
    return [{ listen: first.here, speaksTls, proxyProtocol, members, fallback }]
  })
}

/** The address at which this machine reaches a socket, or why it cannot. */
export function probeHost(
  { listen }: TlsSocket,
  sockets: readonly TlsSocket[],
): { readonly host: string } | { readonly unreachable: string } {
  if (listen.isUnix) return { unreachable: 'a socket in the file system' }
  const host = loopbackOf.get(listen.host)
  if (host === undefined) return { host: listen.host }
  const isShadowed = sockets.some(other => other.listen.host === host && other.listen.port === listen.port)
  return isShadowed ? { unreachable: `hidden from this machine by the listen for ${host}` } : { host }
}

const loopbackOf: ReadonlyMap<string, string> = new Map([
  ['0.0.0.0', '127.0.0.1'],
  ['::', '::1'],
])
