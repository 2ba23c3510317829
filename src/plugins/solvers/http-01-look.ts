/** Fetching a challenge response the way a CA does, redirects included. */
import { isAppError, messageOf, systemCodeOf } from '../../base/errors.ts'
import { secondMs } from '../../base/instant.ts'
import type { HttpReply } from '../../runtime/http.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { publicHttpPort } from './http-01.ts'

/** What was seen at one address of an identifier. */
export type Sighting = {
  readonly address: string
  /** The URL that was asked last. */
  readonly url: string
  readonly redirected: boolean
} & (
  | { readonly kind: 'reply'; readonly reply: HttpReply }
  /** More than any key authorization. */
  | { readonly kind: 'too-large' }
  | { readonly kind: 'refused' }
  /** A redirect that the CA will not follow; `text` says why. */
  | { readonly kind: 'bad-redirect'; readonly text: string }
  /** HTTPS whose certificate does not pass our check, which the CA does not make. */
  | { readonly kind: 'untrusted' }
  | { readonly kind: 'unreachable'; readonly text: string }
)

type LookRuntime = Pick<Runtime, 'http' | 'resolver'>
type LookOptions = { readonly port: number; readonly signal: AbortSignal }

// What CAs allow (Baseline Requirements, Let's Encrypt).
const redirectStatuses: ReadonlySet<number> = new Set([301, 302, 307, 308])
const maxRedirects = 10
const publicPorts: ReadonlySet<string> = new Set(['', '80', '443'])

const limits = {
  connectTimeoutMs: 10 * secondMs,
  headersTimeoutMs: 10 * secondMs,
  bodyTimeoutMs: 10 * secondMs,
  /** A page instead of the response is only recognised as one. */
  maxBodyBytes: 64 * 1024,
} as const

/**
 * Looks at `url` at one address of its host.
 * @throws AppError ERR_ABORTED
 */
export async function lookAt(
  url: string,
  address: string,
  options: LookOptions,
  runtime: LookRuntime,
): Promise<Sighting> {
  const seen = new Set<string>()
  let current = new URL(url)
  let addresses: readonly string[] = [address]
  for (;;) {
    const place = { address, url: current.href, redirected: seen.size > 0 }
    const reply = await fetchFrom(current, addresses, options.signal, runtime)
    if (!('status' in reply)) return { ...place, ...reply }
    const location = redirectStatuses.has(reply.status) ? reply.headers.get('location') : undefined
    if (location === undefined) return { ...place, kind: 'reply', reply }
    seen.add(current.href)
    const next = redirectTarget(location, current, seen, options.port)
    if (!(next instanceof URL)) return { ...place, kind: 'bad-redirect', ...next }
    if (next.hostname !== current.hostname) {
      const found = await resolve(next, options.signal, runtime)
      if ('kind' in found) return { ...place, ...found }
      addresses = found.addresses
    }
    current = next
  }
}

type Failure =
  | { readonly kind: 'too-large' | 'refused' | 'untrusted' }
  | { readonly kind: 'unreachable' | 'bad-redirect'; readonly text: string }

/** The reply of the first address that can be connected to, or how the last one failed. */
async function fetchFrom(
  url: URL,
  addresses: readonly string[],
  signal: AbortSignal,
  { http }: LookRuntime,
): Promise<HttpReply | Failure> {
  let failure: Failure = { kind: 'unreachable', text: 'it has no address' }
  for (const address of addresses) {
    try {
      return await http(url.href, { method: 'GET', address, signal, ...limits })
    } catch (error) {
      if (!isAppError(error) || isAppError(error, 'ERR_ABORTED')) throw error
      failure = failureOf(error, url, address)
      if (failure.kind !== 'refused' && failure.kind !== 'unreachable') break
    }
  }
  return failure
}

// Verification errors of OpenSSL and of the comparison of names, as Node names them.
const untrusted =
  /^(?:CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_|INVALID_CA|INVALID_PURPOSE|ERR_TLS_CERT)/

function failureOf(error: Error, url: URL, address: string): Failure {
  if (isAppError(error, 'ERR_REPLY_TOO_LARGE')) return { kind: 'too-large' }
  const code = systemCodeOf(error.cause) ?? ''
  if (code === 'ECONNREFUSED') return { kind: 'refused' }
  if (untrusted.test(code)) return { kind: 'untrusted' }
  return { kind: 'unreachable', text: withoutTarget(messageOf(error), url, address) }
}

/** A sighting says by itself where one looked; the errors of a connection begin with that too. */
function withoutTarget(message: string, url: URL, address: string): string {
  const server = `${url.hostname}:${url.port || (url.protocol === 'https:' ? '443' : '80')} at ${address}`
  return message
    .replace(`GET ${url.origin}${url.pathname}: `, '')
    .replace(`cannot connect to ${server}: `, '')
    .replace(`${server} did not`, 'it did not')
}

function redirectTarget(
  location: string,
  from: URL,
  seen: ReadonlySet<string>,
  port: number,
): URL | { readonly text: string } {
  if (!URL.canParse(location, from.href)) return { text: `redirects to "${location}", which is no URL` }
  const target = new URL(location, from)
  target.hash = ''
  const to = `redirects to ${target.href}`
  if (target.protocol !== 'http:' && target.protocol !== 'https:') return { text: `${to}, which is not HTTP` }
  // A CA that looks at another port than 80 is a private one with rules of its own.
  if (port === publicHttpPort && !publicPorts.has(target.port)) {
    return { text: `${to}, and CAs follow only to ports 80 and 443` }
  }
  if (seen.has(target.href)) return { text: `${to}, and so in a circle` }
  if (seen.size > maxRedirects) return { text: `redirects more than ${maxRedirects} times` }
  return target
}

async function resolve(
  { hostname }: URL,
  signal: AbortSignal,
  { resolver }: LookRuntime,
): Promise<{ readonly addresses: readonly string[] } | Failure> {
  const host = hostname.replace(/^\[(.*)\]$/, '$1')
  try {
    const addresses = await resolver.addresses(host, { signal })
    if (addresses.length > 0) return { addresses }
    return { kind: 'bad-redirect', text: `redirects to ${host}, which has no address in DNS` }
  } catch (error) {
    if (!isAppError(error) || isAppError(error, 'ERR_ABORTED')) throw error
    return { kind: 'unreachable', text: messageOf(error) }
  }
}
