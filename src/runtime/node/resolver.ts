/** DNS look-ups, by the system or by given servers. */
import type { Resolver } from '../resolver.ts'
import { dnsTimeoutMs, inTime, nodeDns } from './dns.ts'

/** Settings of {@link nodeResolver}. */
export type NodeResolverOptions = {
  /**
   * Servers to ask (`192.0.2.1`, `192.0.2.1:5353`, `[2001:db8::1]:53`); when empty, the system's way is used,
   * `/etc/hosts` included.
   */
  readonly dnsServers?: readonly string[]
  readonly timeoutMs?: number
}

/** Looks names up. */
export function nodeResolver({
  dnsServers = [],
  timeoutMs = dnsTimeoutMs,
}: NodeResolverOptions = {}): Resolver {
  const look = (name: string, signal: AbortSignal | undefined): Promise<readonly string[]> =>
    dnsServers.length === 0
      ? lookUpBySystem(name, timeoutMs, signal)
      : lookUpAt({ dnsServers, timeoutMs }, name, signal)
  return {
    addresses: async (given, { signal } = {}) => {
      const { isIP } = await import('node:net')
      const name = given.replace(/\.$/, '')
      if (isIP(name) !== 0) return [name]
      if (name === 'localhost' || name.endsWith('.localhost')) return ['::1', '127.0.0.1'] // RFC 6761 §6.3
      return [...new Set(await look(name, signal))]
    },
  }
}

async function lookUpBySystem(
  name: string,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  const { lookup } = await import('node:dns/promises')
  // Cannot be stopped; its answer is no longer waited for.
  return inTime(name, { timeoutMs, signal }, async () => {
    return (await lookup(name, { all: true, order: 'ipv6first' })).map(({ address }) => address)
  })
}

async function lookUpAt(
  servers: { readonly dnsServers: readonly string[]; readonly timeoutMs: number },
  name: string,
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  const dns = nodeDns(servers)
  const options = signal === undefined ? {} : { signal }
  const answers = await Promise.allSettled([
    dns({ name, type: 'AAAA' }, options),
    dns({ name, type: 'A' }, options),
  ])
  const found = answers.flatMap(answer => (answer.status === 'fulfilled' ? answer.value : []))
  const failed = answers.find(answer => answer.status === 'rejected')
  if (found.length === 0 && failed) throw failed.reason // one family is enough; none and a failure is no answer
  return found
}
