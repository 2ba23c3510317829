/** The `listen` for TLS at the address of a plain one. Pure. */
import { atLeast, type Version } from '../../../harden/version.ts'
import { formatPlace } from '../../deployers/nginx/config.ts'
import { formatAddress, type Listen, socketKey } from '../../deployers/nginx/listen.ts'
import type { ServerBlock } from '../../deployers/nginx/server-blocks.ts'
import type { TcpSocket } from '../../deployers/nginx/sockets.ts'

/** What is known of the installed nginx. */
export type NginxFacts = {
  /** Of the core, also where OpenResty says something else. */
  readonly version: Version
  /** It was built with HTTP/2. */
  readonly hasHttp2: boolean
}

/** What stands around the block that is to speak TLS. */
export type Surroundings = {
  readonly blocks: readonly ServerBlock[]
  readonly sockets: readonly TcpSocket[]
  readonly facts: NginxFacts
  readonly httpsPort: number
}

/** `http2` as a directive of its own (CHANGES of nginx). */
const ownHttp2Since = '1.25.1'

/** Whether HTTP/2 is a directive, and not a word of `listen`. */
export function hasHttp2Directive({ version }: NginxFacts): boolean {
  return atLeast(version, ownHttp2Since)
}

/** Arguments of `listen`, or why the address cannot be used. */
export type SecureListen =
  /** `joinsOldHttp2`: HTTP/2 is a word of the socket, and needs no directive. */
  { readonly args: string; readonly joinsOldHttp2: boolean } | { readonly problem: string }

/**
 * The same address on the TLS port: a connection to another one would not select the block. On a socket that is there
 * already, words that hold for all its blocks are those that it has.
 */
export function secureListen(
  plain: Listen,
  { blocks, sockets, facts, httpsPort }: Surroundings,
): SecureListen {
  const listen = { ...plain, port: httpsPort }
  const sameSocket = (other: Listen) => !other.isUdp && socketKey(other) === socketKey(listen)
  const other = blocks.find(({ context, listens }) => context !== 'http' && listens.some(sameSocket))
  const socket = sockets.find(one => sameSocket(one.listen))
  const taken = other?.place ?? (socket?.speaksTls === false ? socket.listen.place : undefined)
  const shown = formatAddress(listen)
  if (taken !== undefined)
    return {
      problem: `${shown} cannot be used for https: ${formatPlace(taken)} listens there for something else`,
    }
  const hidden = socket === undefined ? listensEverywhere(listen, sockets) : undefined
  if (hidden !== undefined)
    return {
      problem: `https at ${shown} alone would hide ${formatPlace(hidden.place)}, which listens at every address, from clients of that address; let both listen the same way`,
    }
  const usesOldHttp2 =
    socket === undefined
      ? facts.hasHttp2 && !hasHttp2Directive(facts)
      : socket.members.some(({ here }) => here.http2)
  const model = socket ?? sockets.find(one => socketKey(one.listen) === socketKey(plain))
  const usesProxy = model?.proxyProtocol ?? plain.proxyProtocol
  const address = shown.replace(/^0\.0\.0\.0:/, '')
  const words = [address, 'ssl', ...(usesOldHttp2 ? ['http2'] : []), ...(usesProxy ? ['proxy_protocol'] : [])]
  return { args: words.join(' '), joinsOldHttp2: usesOldHttp2 }
}

/** A TLS socket for every address, which a new one for a single address would take connections from. */
function listensEverywhere({ host, port }: Listen, sockets: readonly TcpSocket[]): Listen | undefined {
  const everywhere = host.includes(':') ? '::' : '0.0.0.0'
  if (host === everywhere) return undefined
  return sockets.find(
    ({ listen, speaksTls }) => speaksTls && listen.host === everywhere && listen.port === port,
  )?.listen
}
