/** Where a certificate must be seen: pure, from the server blocks of a configuration. */
import { type Identifier, isWildcard } from '../../../acme/identifier.ts'
import type { Endpoint } from '../../../contracts/deployer.ts'
import { formatPlace } from './config.ts'
import type { ServerBlock } from './server-blocks.ts'
import { matchingNames, selectByName } from './server-names.ts'
import { type Member, probeHost, type TlsSocket } from './sockets.ts'

/** An endpoint, and the block behind it. */
export type BlockEndpoint = { readonly endpoint: Endpoint; readonly block: ServerBlock }

/**
 * The endpoints at which blocks that use the certificate must show it: each TLS socket that this machine can reach,
 * with each name that selects such a block there.
 * @param uses - whether a block reads the certificate
 */
export function findEndpoints(
  sockets: readonly TlsSocket[],
  identifiers: readonly Identifier[],
  uses: (block: ServerBlock) => boolean,
): readonly BlockEndpoint[] {
  return sockets.flatMap(socket => {
    const at = probeHost(socket, sockets)
    if ('unreachable' in at) return []
    const { listen, proxyProtocol } = socket
    return probesAt(socket, identifiers, uses).map(({ member: { block, here }, serverName }) => ({
      endpoint: {
        host: at.host,
        port: listen.port,
        serverName,
        proxyProtocol,
        source: formatPlace(here.place),
      },
      block,
    }))
  })
}

/** The names among the identifiers with which a TLS client gets to a block at its socket. */
export function selectingNames(
  member: Member,
  { members }: Pick<TlsSocket, 'members'>,
  identifiers: readonly Identifier[],
): readonly string[] {
  return matchingNames(member, identifiers).filter(name => {
    const selection = selectByName(members, name)
    return typeof selection === 'object' && selection.block === member
  })
}

/** A name that selects a block at a socket; no name stands for clients that send none. */
type Probe = { readonly member: Member; readonly serverName: string | undefined }

function probesAt(
  socket: TlsSocket,
  identifiers: readonly Identifier[],
  uses: (block: ServerBlock) => boolean,
): readonly Probe[] {
  const { members, fallback } = socket
  const named = members
    .filter(({ block }) => uses(block))
    .flatMap(member =>
      selectingNames(member, socket, identifiers).map((serverName): Probe => ({ member, serverName })),
    )
  if (!uses(fallback.block) || named.some(({ member }) => member === fallback)) return named
  const unnamed = identifiers.find(
    identifier =>
      identifier.type === 'dns' &&
      !isWildcard(identifier) &&
      selectByName(members, identifier.value) === 'no-name-matches',
  )
  return [...named, { member: fallback, serverName: unnamed?.value }]
}
