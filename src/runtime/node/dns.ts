/** DNS questions by Node's own resolver library. */
import type { Resolver } from 'node:dns/promises'
import { unlessAborted } from '../../base/aborted.ts'
import { AppError, messageOf, systemCodeOf } from '../../base/errors.ts'
import { printable } from '../../base/printable.ts'
import type { CaaRecord, DnsQuery, DnsRecords, DnsRecordType } from '../dns.ts'

/** For one question, whoever is asked. */
export const dnsTimeoutMs = 5_000
/** Two questions to each server; the wait doubles, so that both fit into the whole time. */
const queryTries = 2
const queryShareOfTimeout = 0.3

/** Settings of {@link nodeDns}. */
export type NodeDnsOptions = {
  /** Servers to ask (`192.0.2.1`, `192.0.2.1:5353`, `[2001:db8::1]:53`); the system's when empty. */
  readonly dnsServers?: readonly string[]
  readonly timeoutMs?: number
}

/** Asks questions; `/etc/hosts` plays no part. */
export function nodeDns({ dnsServers = [], timeoutMs = dnsTimeoutMs }: NodeDnsOptions = {}): DnsQuery {
  return async ({ name, type, server }, { signal } = {}) => {
    const { Resolver: Queries } = await import('node:dns/promises')
    const queries = new Queries({ timeout: timeoutMs * queryShareOfTimeout, tries: queryTries })
    const servers = server === undefined ? dnsServers : [server]
    if (servers.length > 0) queries.setServers(servers)
    return await inTime(name, { timeoutMs, signal }, stop => {
      stop.addEventListener('abort', () => queries.cancel(), { once: true })
      return ask[type](queries, name)
    })
  }
}

/**
 * Waits for a look-up as long as it may take.
 * @throws AppError ERR_TIMEOUT, ERR_ABORTED, and ERR_NETWORK for what else goes wrong; that there is nothing is an empty list
 */
export async function inTime<T>(
  name: string,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal | undefined },
  look: (stop: AbortSignal) => Promise<T[]>,
): Promise<T[]> {
  const deadline = new AbortController()
  const timer = setTimeout(() => deadline.abort(timeoutError(name)), timeoutMs)
  const stop = AbortSignal.any([deadline.signal, ...(signal ? [signal] : [])])
  const what = `looking up ${printable(name)}`
  try {
    return await unlessAborted(() => look(stop).catch(emptyIfAbsent(name)), what, stop)
  } finally {
    clearTimeout(timer)
  }
}

const ask: {
  readonly [Type in DnsRecordType]: (queries: Resolver, name: string) => Promise<DnsRecords[Type][]>
} = {
  A: (queries, name) => queries.resolve4(name),
  AAAA: (queries, name) => queries.resolve6(name),
  CNAME: async (queries, name) => (await queries.resolveCname(name)).map(plainName),
  NS: async (queries, name) => (await queries.resolveNs(name)).map(plainName),
  SOA: async (queries, name) => [plainName((await queries.resolveSoa(name)).nsname)],
  CAA: async (queries, name) => (await queries.resolveCaa(name)).map(caaRecord),
}

function plainName(name: string): string {
  return name.toLowerCase().replace(/\.$/, '')
}

// The tag is a member whose value is the record's value.
function caaRecord({ critical, ...members }: object & { readonly critical: number }): CaaRecord {
  const [tag = '', value] = Object.entries(members).find(([key]) => key !== 'type') ?? []
  return { flags: critical, tag: tag.toLowerCase(), value: typeof value === 'string' ? value : '' }
}

/** The codes that say "there is no such name" and "it has no such record". */
const absent: ReadonlySet<string> = new Set(['ENOTFOUND', 'ENODATA', 'ENONAME'])

/** Turns an answer without records into an empty list, and every failure into an AppError. */
function emptyIfAbsent(name: string): (error: unknown) => never[] {
  return cause => {
    const code = systemCodeOf(cause) ?? ''
    if (absent.has(code)) return []
    if (code === 'ETIMEOUT') throw timeoutError(name, cause)
    throw new AppError(
      'ERR_NETWORK',
      `looking up ${printable(name)} failed: ${reasons[code] ?? messageOf(cause)}`,
      { hint: 'see whether the DNS servers of this machine answer', cause },
    )
  }
}

const reasons: Readonly<Record<string, string>> = {
  ESERVFAIL: 'the DNS server reports a failure (SERVFAIL)',
  EREFUSED: 'the DNS server refuses the question (REFUSED)',
  ECONNREFUSED: 'no DNS server listens',
  ENOTIMP: 'the DNS server does not answer questions of this kind (NOTIMP)',
  EAI_AGAIN: 'no DNS server answers',
  EBADNAME: 'it is not a DNS name',
}

function timeoutError(name: string, cause?: unknown): AppError {
  return new AppError('ERR_TIMEOUT', `no DNS server answered for ${printable(name)} in time`, {
    hint: 'see whether the DNS servers of this machine can be reached',
    cause,
  })
}
