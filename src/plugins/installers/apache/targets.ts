/** Which virtual hosts a certificate is for, and what each lacks: pure, by Apache's own rules of selection. */
import { type Identifier, isWildcard } from '../../../acme/identifier.ts'
import type { DeployableCertificate } from '../../../contracts/deployer.ts'
import type { InstallWishes } from '../../../contracts/installer.ts'
import { someNames, uncoveredNames } from '../names.ts'
import { type ApacheConfig, formatApacheAddress, type Host, matchesName, placeOf } from './hosts.ts'

/** A virtual host that is to be edited. */
export type Target = {
  readonly host: Host
  /** It answers TLS clients that ask for a name of the certificate. */
  readonly tls: boolean
  /** Nothing answers TLS clients for its names yet. */
  readonly needsTls: boolean
  readonly plain: boolean
  readonly uncovered: readonly string[]
}

export type Found = {
  readonly hosts: readonly Target[]
  readonly problems: readonly string[]
  readonly notes: readonly string[]
}

/** By Apache's rules: among the virtual hosts of an address the first one that has the name. */
export function findHosts({
  config,
  certificate,
  wishes,
}: {
  readonly config: ApacheConfig
  readonly certificate: Pick<DeployableCertificate, 'identifiers'>
  readonly wishes: Pick<InstallWishes, 'serverNames' | 'httpPort'>
}): Found {
  const { identifiers } = certificate
  const names = wishedNames(config, identifiers, wishes)
  const onTls = new Map<Host, Set<string>>()
  const onPlain = new Map<Host, Set<string>>()
  const groups = Map.groupBy(
    config.hosts.flatMap(host => host.addresses.map(address => ({ host, address }))),
    ({ address }) => formatApacheAddress(address),
  )
  const literal = wishes.serverNames.length > 0
  for (const members of groups.values()) {
    for (const name of names) {
      const found = members.find(({ host }) =>
        host.names.some(alias => (literal ? alias === name : matchesName(alias, name))),
      )
      if (found === undefined) continue
      const { host, address } = found
      const kind = host.speaksTls ? onTls : [wishes.httpPort, 0].includes(address.port) ? onPlain : undefined
      kind?.set(host, (kind.get(host) ?? new Set()).add(name))
    }
  }
  const tlsNames = new Set([...onTls.values()].flatMap(set => [...set]))
  const plainNames = new Set([...onPlain.values()].flatMap(set => [...set]))
  const problems: string[] = []
  const hosts = config.hosts
    .filter(host => onTls.has(host) || onPlain.has(host))
    .map((host): Target => {
      const own = [...(onPlain.get(host) ?? [])]
      const lacking = own.filter(name => !tlsNames.has(name))
      if (lacking.length > 0 && lacking.length < own.length) {
        problems.push(
          `${placeOf(host.node)}: another virtual host answers https for ${someNames(own.filter(name => tlsNames.has(name)))}, none for ${someNames(lacking)}; give those one of their own`,
        )
      }
      return {
        host,
        tls: onTls.has(host),
        plain: onPlain.has(host),
        needsTls: lacking.length > 0,
        uncovered: uncoveredNames(host, identifiers),
      }
    })
  const notes = names
    .filter(name => !tlsNames.has(name) && !plainNames.has(name))
    .map(
      name =>
        `no virtual host has the name ${name} at port ${wishes.httpPort} or with TLS: nothing is done for it`,
    )
  return { hosts, problems, notes }
}

function wishedNames(
  { hosts }: ApacheConfig,
  identifiers: readonly Identifier[],
  { serverNames }: Pick<InstallWishes, 'serverNames'>,
): readonly string[] {
  if (serverNames.length > 0) return [...new Set(serverNames.map(name => name.toLowerCase()))]
  const known = hosts.flatMap(host => host.names)
  const below = (wildcard: string) =>
    known.filter(name => name.slice(name.indexOf('.')) === wildcard.slice(1) && !name.startsWith('*'))
  return [
    ...new Set(
      identifiers
        .filter(({ type }) => type === 'dns')
        .flatMap(identifier => (isWildcard(identifier) ? below(identifier.value) : [identifier.value])),
    ),
  ]
}
