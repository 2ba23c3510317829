/** DNS look-ups, by the system or by given servers. */
import { AppError, messageOf, systemCodeOf } from '../../base/errors.ts'
import { printable } from '../../base/printable.ts'
import type { Resolver } from '../resolver.ts'
import { unlessAborted } from './aborted.ts'

/** For the whole look-up, whoever is asked. */
const defaultTimeoutMs = 5_000
/** Two questions to each server; the wait doubles, so that both fit into the whole time. */
const queryTries = 2
const queryShareOfTimeout = 0.3

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
  timeoutMs = defaultTimeoutMs,
}: NodeResolverOptions = {}): Resolver {
  const look = (name: string, stop: AbortSignal): Promise<readonly string[]> =>
    dnsServers.length === 0 ? lookUpBySystem(name) : lookUpAt(dnsServers, name, timeoutMs, stop)
  return {
    addresses: async (given, { signal } = {}) => {
      const { isIP } = await import('node:net')
      const name = given.replace(/\.$/, '')
      if (isIP(name) !== 0) return [name]
      if (name === 'localhost' || name.endsWith('.localhost')) return ['::1', '127.0.0.1'] // RFC 6761 §6.3
      const deadline = new AbortController()
      const timer = setTimeout(() => deadline.abort(timeoutError(name)), timeoutMs)
      const stop = AbortSignal.any([deadline.signal, ...(signal ? [signal] : [])])
      try {
        const found = await unlessAborted(() => look(name, stop), `looking up ${printable(name)}`, stop)
        return [...new Set(found)]
      } finally {
        clearTimeout(timer)
      }
    },
  }
}

/** Cannot be stopped; its answer is no longer waited for. */
async function lookUpBySystem(name: string): Promise<readonly string[]> {
  const { lookup } = await import('node:dns/promises')
  const looking = lookup(name, { all: true, order: 'ipv6first' })
  return await looking.then(found => found.map(({ address }) => address)).catch(emptyIfAbsent(name))
}

async function lookUpAt(
  dnsServers: readonly string[],
  name: string,
  timeoutMs: number,
  stop: AbortSignal,
): Promise<readonly string[]> {
  const { Resolver: Queries } = await import('node:dns/promises')
  const queries = new Queries({ timeout: timeoutMs * queryShareOfTimeout, tries: queryTries })
  queries.setServers(dnsServers)
  stop.addEventListener('abort', () => queries.cancel(), { once: true })
  const answers = await Promise.allSettled([
    queries.resolve6(name).catch(emptyIfAbsent(name)),
    queries.resolve4(name).catch(emptyIfAbsent(name)),
  ])
  const found = answers.flatMap(answer => (answer.status === 'fulfilled' ? answer.value : []))
  const failed = answers.find(answer => answer.status === 'rejected')
  if (found.length === 0 && failed) throw failed.reason // one family is enough; none and a failure is no answer
  return found
}

/** The codes that say "there is no such name" and "it has no such record". */
const absent: ReadonlySet<string> = new Set(['ENOTFOUND', 'ENODATA', 'ENONAME'])

function emptyIfAbsent(name: string): (error: unknown) => string[] {
  return cause => {
    const code = systemCodeOf(cause) ?? ''
    if (absent.has(code)) return []
    if (code === 'ETIMEOUT') throw timeoutError(name, cause)
    throw new AppError(
      'ERR_NETWORK',
      `looking up ${printable(name)} failed: ${reasons[code] ?? messageOf(cause)}`,
      {
        hint: 'see whether the DNS servers of this machine answer',
        cause,
      },
    )
  }
}

const reasons: Readonly<Record<string, string>> = {
  ESERVFAIL: 'the DNS server reports a failure (SERVFAIL)',
  EREFUSED: 'the DNS server refuses the question (REFUSED)',
  ECONNREFUSED: 'no DNS server listens',
  EAI_AGAIN: 'no DNS server answers',
  EBADNAME: 'it is not a DNS name',
}

function timeoutError(name: string, cause?: unknown): AppError {
  return new AppError('ERR_TIMEOUT', `no DNS server answered for ${printable(name)} in time`, {
    hint: 'see whether the DNS servers of this machine can be reached',
    cause,
  })
}
