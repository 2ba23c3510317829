/** Which server blocks a certificate is for, and what each lacks: pure, by nginx's own rules of selection. */
import { type Identifier, isWildcard } from '../../../acme/identifier.ts'
import { printable } from '../../../base/printable.ts'
import type { InstallWishes } from '../../../contracts/installer.ts'
import { formatPlace } from '../../deployers/nginx/config.ts'
import { describeListen } from '../../deployers/nginx/listen.ts'
import type { ServerBlock } from '../../deployers/nginx/server-blocks.ts'
import { isRegex, matchingNames, selectByName } from '../../deployers/nginx/server-names.ts'
import { type TcpSocket, tcpSockets } from '../../deployers/nginx/sockets.ts'
import { uncoveredNames } from '../names.ts'

/** A server block that is to be edited. */
export type Target = {
  readonly block: ServerBlock
  /** It answers TLS clients that ask for a name of the certificate. */
  readonly tls: boolean
  /** It answers plain requests for one, at the port where the CA looks. */
  readonly plain: boolean
  /** Nothing answers TLS clients for its names yet. */
  readonly needsTls: boolean
  /** Its names that are not in the certificate. */
  readonly uncovered: readonly string[]
}

export type Targets = {
  readonly targets: readonly Target[]
  readonly sockets: readonly TcpSocket[]
  /** Why it cannot be done as asked. */
  readonly problems: readonly string[]
  readonly notes: readonly string[]
}

type Wishes = Pick<InstallWishes, 'serverNames' | 'httpPort'>

/** Names by the block that they select. */
type Selected = Map<ServerBlock, Set<string>>

/** Looks for the blocks that answer for the identifiers, or that have one of the wished names. */
export function findTargets(
  blocks: readonly ServerBlock[],
  identifiers: readonly Identifier[],
  wishes: Wishes,
): Targets {
  const http = blocks.filter(({ context }) => context === 'http')
  const sockets = tcpSockets(http)
  const onTls: Selected = new Map()
  const onPlain: Selected = new Map()
  const elsewhere: string[] = []
  const notes: string[] = []
  const problems: string[] = []
  const found = new Set<string>()
  const names = wishedNames(http, identifiers, wishes)
  for (const socket of sockets) {
    for (const name of names) {
      const block = blockFor(socket, name, wishes)
      if (block === undefined) continue
      found.add(name)
      if (socket.speaksTls) note(onTls, block, name)
      else if (socket.listen.port === wishes.httpPort) note(onPlain, block, name)
      else if (!socket.listen.isUnix)
        elsewhere.push(
          `${formatPlace(block.place)}: answers for ${name} at ${describeListen(socket.listen)}, which is left alone`,
        )
    }
  }
  const tlsNames = new Set([...onTls.values()].flatMap(set => [...set]))
  const targets = [...new Set([...onTls.keys(), ...onPlain.keys()])].map((block): Target => {
    const own = [...(onPlain.get(block) ?? [])]
    const tls = onTls.has(block)
    const lacking = own.filter(name => !tlsNames.has(name))
    if (!tls && lacking.length > 0 && lacking.length < own.length) {
      problems.push(
        `${formatPlace(block.place)}: another block answers https for ${own.filter(name => tlsNames.has(name)).join(', ')}, none for ${lacking.join(', ')}; give those a server block of their own`,
      )
    }
    return {
      block,
      tls,
      plain: onPlain.has(block),
      needsTls: !tls && lacking.length > 0,
      uncovered: uncoveredNames(block, identifiers),
    }
  })
  notes.push(...elsewhere, ...missingNotes(names, found, http))
  return {
    targets: inFileOrder(targets, http),
    sockets,
    problems,
    notes: [...new Set(notes)].map(text => printable(text)),
  }
}

function wishedNames(
  blocks: readonly ServerBlock[],
  identifiers: readonly Identifier[],
  { serverNames }: Wishes,
): readonly string[] {
  if (serverNames.length > 0) return [...new Set(serverNames.map(lowerCase))]
  const dns = identifiers.filter(({ type }) => type === 'dns')
  const names = dns.flatMap(identifier =>
    isWildcard(identifier) ? blocks.flatMap(block => matchingNames(block, [identifier])) : [identifier.value],
  )
  return [...new Set(names)]
}

function blockFor({ members }: TcpSocket, name: string, { serverNames }: Wishes): ServerBlock | undefined {
  if (serverNames.length > 0) return members.find(({ names }) => names.includes(name))?.block
  const selection = selectByName(members, name)
  return typeof selection === 'object' ? selection.block.block : undefined
}

function note(selected: Selected, block: ServerBlock, name: string): void {
  const names = selected.get(block) ?? new Set()
  selected.set(block, names.add(name))
}

function missingNotes(
  names: readonly string[],
  found: ReadonlySet<string>,
  blocks: readonly ServerBlock[],
): readonly string[] {
  const regex = blocks.find(block => block.names.some(isRegex))
  return names
    .filter(name => !found.has(name))
    .map(name =>
      regex === undefined
        ? `no server block has the server_name ${name}: nothing is done for it`
        : `no server block has the server_name ${name}, and whether the regular expression at ${formatPlace(regex.place)} matches it only nginx can tell: nothing is done for it (--server-name names a block as it stands there)`,
    )
}

function inFileOrder(targets: readonly Target[], blocks: readonly ServerBlock[]): readonly Target[] {
  return targets.toSorted((one, other) => blocks.indexOf(one.block) - blocks.indexOf(other.block))
}

function lowerCase(name: string): string {
  return name.startsWith('~') ? name : name.toLowerCase()
}
