/** What DNS says of a name: through the resolver of this machine, and at the servers that are in charge of the name. */
import { mapConcurrently } from '../../base/concurrent.ts'
import { isAppError, messageOf } from '../../base/errors.ts'
import type { DnsQuery, DnsRecords, DnsRecordType } from '../../runtime/dns.ts'

/** A chain of CNAME records that is longer is not followed by resolvers either. */
const maxAliases = 8
/** More servers than a zone has in practice; the rest is not asked. */
const maxServers = 8
/** Addresses of one server that are tried in turn. */
const maxServerAddresses = 2
const serverConcurrency = 8

/** What one server in charge says. */
export type ServerAnswer = { readonly server: string } & (
  | { readonly addresses: readonly string[] }
  | { readonly failure: string }
)

/** Addresses are in the order of text. */
export type DnsView = {
  readonly name: string
  /** The name at the end of CNAME records, where there are any. */
  readonly alias?: string
  readonly resolved: { readonly addresses: readonly string[] } | { readonly failure: string }
  /** The zone of the name, or of the name it is an alias of. */
  readonly zone?: string
  readonly servers: readonly ServerAnswer[]
  /** Why no server in charge was asked. */
  readonly notAsked?: string
}

type Asking = { readonly dns: DnsQuery; readonly signal: AbortSignal }

/**
 * Looks a name up.
 * @throws AppError ERR_ABORTED
 */
export async function lookAtName(name: string, asking: Asking): Promise<DnsView> {
  const resolved = await orFailure(() => addressesOf(name, undefined, asking))
  const canonical = await endOfAliases(name, asking)
  const found = await orFailure(() => findServers(canonical, asking))
  const base = {
    name,
    ...(canonical !== name && { alias: canonical }),
    resolved: 'failure' in resolved ? resolved : { addresses: resolved.value },
  }
  if ('failure' in found) return { ...base, servers: [], notAsked: found.failure }
  const { zone, servers } = found.value
  return {
    ...base,
    zone,
    servers: await mapConcurrently(servers, serverConcurrency, server =>
      askServer(server, canonical, asking),
    ),
  }
}

/** Asks every question once: names of one certificate are mostly in one zone. */
export function rememberAnswers(dns: DnsQuery): DnsQuery {
  const answers = new Map<string, Promise<readonly unknown[]>>()
  return <Type extends DnsRecordType>(question: Parameters<typeof dns<Type>>[0], options = {}) => {
    const key = JSON.stringify([question.type, question.name, question.server])
    const known = answers.get(key) ?? dns(question, options)
    answers.set(key, known)
    return known as Promise<readonly DnsRecords[Type][]> // kept by its type
  }
}

/** The name itself, and every name above it but the root: `www.a.test`, `a.test`, `test`. */
export function namesUpwards(name: string): readonly string[] {
  const labels = name.split('.')
  return labels.map((_, index) => labels.slice(index).join('.'))
}

async function addressesOf(
  name: string,
  server: string | undefined,
  { dns, signal }: Asking,
): Promise<readonly string[]> {
  const at = server !== undefined && { server }
  const found = [
    ...(await dns({ name, type: 'A', ...at }, { signal })),
    ...(await dns({ name, type: 'AAAA', ...at }, { signal })),
  ]
  return [...new Set(found)].sort()
}

async function endOfAliases(name: string, { dns, signal }: Asking): Promise<string> {
  let current = name
  for (let count = 0; count < maxAliases; count += 1) {
    const question = { name: current, type: 'CNAME' } as const
    const next = await orFailure(() => dns(question, { signal }))
    if ('failure' in next || next.value[0] === undefined) return current
    current = next.value[0]
  }
  return current
}

type Server = { readonly name: string; readonly addresses: readonly string[] }

async function findServers(
  name: string,
  asking: Asking,
): Promise<{ readonly zone: string; readonly servers: readonly Server[] }> {
  const { dns, signal } = asking
  for (const zone of namesUpwards(name)) {
    if ((await dns({ name: zone, type: 'SOA' }, { signal })).length === 0) continue
    // Of an alias the resolver may have told the SOA of what it leads to.
    if ((await dns({ name: zone, type: 'CNAME' }, { signal })).length > 0) continue
    const names = (await dns({ name: zone, type: 'NS' }, { signal })).slice(0, maxServers)
    const servers = await mapConcurrently(names, serverConcurrency, async server => {
      const addresses = await orFailure(() => addressesOf(server, undefined, asking))
      return { name: server, addresses: 'failure' in addresses ? [] : ipv4First(addresses.value) }
    })
    return { zone, servers: servers.toSorted((one, other) => (one.name < other.name ? -1 : 1)) }
  }
  return { zone: '', servers: [] }
}

// Not every machine has IPv6.
function ipv4First(addresses: readonly string[]): readonly string[] {
  const isIpv6 = (address: string) => Number(address.includes(':'))
  return addresses.toSorted((one, other) => isIpv6(one) - isIpv6(other)).slice(0, maxServerAddresses)
}

async function askServer(server: Server, name: string, asking: Asking): Promise<ServerAnswer> {
  let failure = 'it has no address itself'
  for (const address of server.addresses) {
    const at = address.includes(':') ? `[${address}]` : address
    const answer = await orFailure(() => addressesOf(name, at, asking))
    if (!('failure' in answer)) return { server: server.name, addresses: answer.value }
    failure = answer.failure
  }
  return { server: server.name, failure }
}

async function orFailure<T>(
  look: () => Promise<T>,
): Promise<{ readonly value: T } | { readonly failure: string }> {
  try {
    return { value: await look() }
  } catch (error) {
    if (!isAppError(error) || error.code === 'ERR_ABORTED') throw error
    return { failure: messageOf(error) }
  }
}
