/** http-01: a file below a well-known path (RFC 8555 §8.3), looked at the way public CAs do. */
import { type Identifier, parseIdentifier } from '../../acme/identifier.ts'
import { http01Path } from '../../acme/key-authorization.ts'
import { mayConnect } from '../../acme/network.ts'
import type { Problem } from '../../acme/problem.ts'
import { type AppError, isAppError, messageOf } from '../../base/errors.ts'
import { secondMs } from '../../base/instant.ts'
import { printable } from '../../base/printable.ts'
import type { HttpReply } from '../../runtime/http.ts'
import { problem } from '../reply.ts'
import type { MethodParts, Proof } from './method.ts'

/** Let's Encrypt's limits; the Baseline Requirements (3.2.2.4.19) allow these statuses and no others. */
const redirectStatuses: readonly number[] = [301, 302, 307, 308]
const maxRedirects = 10
const maxPathLength = 2_000
const connectTimeoutMs = 10 * secondMs
/**
 * A key authorization has 66 to 172 bytes. Reading more than that tells "the error page of a web server" from "an
 * answer that is too long", which are different mistakes.
 */
const maxBodyBytes = 16 * 1024
/** How much of a wrong answer is shown: enough to recognise it, too little to read other people's pages. */
const maxShownLength = 64

/** One request on the way: where it goes and what it is called in messages. */
type Hop = { readonly url: URL; readonly host: Identifier }

/** Fetches the key authorization. Resolves to what is wrong, or to `undefined`. */
export async function validateHttp01(
  { identifier, token, expected }: Proof,
  parts: MethodParts,
): Promise<Problem | undefined> {
  let hop: Hop = { url: firstUrl(identifier, token, parts.httpPort), host: identifier }
  const visited = new Set<string>()
  for (let redirects = 0; redirects <= maxRedirects; redirects += 1) {
    visited.add(hop.url.href)
    const found = await fetchHop(hop, parts, { retryOtherFamily: redirects === 0 })
    if ('problem' in found) return found.problem
    if (!redirectStatuses.includes(found.reply.status)) return judge(found, expected)
    const next = nextHop(hop, found.reply.headers.get('location'), parts)
    if ('problem' in next) return next.problem
    if (visited.has(next.url.href))
      return problem('incorrectResponse', `${shown(hop.url)} redirects in a circle`)
    hop = next
  }
  return problem(
    'incorrectResponse',
    `more than ${maxRedirects} redirects, the last one to ${shown(hop.url)}`,
  )
}

/** The URL of the first request. The port stays out of it where it is the one of the scheme. */
function firstUrl(identifier: Identifier, token: string, httpPort: number): URL {
  return new URL(`http://${bracketed(identifier)}:${httpPort}${http01Path(token)}`)
}

/** As it stands in URLs and in Host. */
function bracketed({ value }: Identifier): string {
  return value.includes(':') ? `[${value}]` : value
}

type Fetched = { readonly url: URL; readonly address: string; readonly reply: HttpReply }
type Failed = { readonly problem: Problem }
type Unreached = Failed & { readonly error: AppError }

async function fetchHop(
  hop: Hop,
  parts: MethodParts,
  { retryOtherFamily }: { readonly retryOtherFamily: boolean },
): Promise<Fetched | Failed | Unreached> {
  const resolved = await addressesOf(hop.host, parts)
  if ('problem' in resolved) return resolved
  const [first, ...rest] = resolved.addresses
  const reached = await fetchFrom(first, hop, parts)
  // Only what was certainly not sent is tried elsewhere: a server that answered wrongly is not passed over.
  if (!('error' in reached) || !retryOtherFamily || !isAppError(reached.error, 'ERR_NETWORK', 'ERR_TIMEOUT'))
    return reached
  const other = rest.find(address => address.includes(':') !== first.includes(':'))
  return other === undefined ? reached : await fetchFrom(other, hop, parts)
}

/** Addresses that may be connected to, IPv6 first. */
async function addressesOf(
  { type, value }: Identifier,
  { resolver, allowedNetworks, signal }: MethodParts,
): Promise<{ readonly addresses: readonly [string, ...string[]] } | Failed> {
  const found = type === 'ip' ? [value] : await lookUp(value, { resolver, signal })
  if (!Array.isArray(found))
    return { problem: problem('dns', `looking up ${value} failed: ${messageOf(found)}`) }
  const [first, ...rest] = found.filter(address => mayConnect(address, allowedNetworks))
  if (first !== undefined) return { addresses: [first, ...rest] }
  if (found.length === 0) return { problem: problem('dns', `${value} has neither A nor AAAA records`) }
  const detail = `this CA does not connect to ${found.join(', ')}, the ${type === 'ip' ? 'address' : `address of ${value}`}`
  return { problem: problem('connection', detail) }
}

async function lookUp(
  name: string,
  { resolver, signal }: Pick<MethodParts, 'resolver' | 'signal'>,
): Promise<readonly string[] | Error> {
  try {
    return await resolver.addresses(name, { signal })
  } catch (error) {
    if (isAppError(error, 'ERR_NETWORK', 'ERR_TIMEOUT')) return error
    throw error
  }
}

async function fetchFrom(
  address: string,
  { url, host }: Hop,
  { http, signal }: MethodParts,
): Promise<Fetched | Unreached> {
  try {
    const reply = await http(url.href, {
      method: 'GET',
      address,
      anyCertificate: true, // who renews an expired certificate may well redirect to https (as Let's Encrypt has it)
      headers: { Host: bracketed(host), 'User-Agent': 'Certwright CA (http-01 validation)', Accept: '*/*' },
      connectTimeoutMs,
      maxBodyBytes,
      signal,
    })
    return { url, address, reply }
  } catch (error) {
    if (!isAppError(error, ...exchangeFailures)) throw error
    const type = error.code === 'ERR_REPLY_TOO_LARGE' ? 'incorrectResponse' : 'connection'
    const detail = `${shown(url)} at ${address}: ${printable(error.message, maxReasonLength)}`
    return { error, problem: problem(type, detail) }
  }
}

/** How an exchange can fail because of the other side. */
const exchangeFailures = ['ERR_NETWORK', 'ERR_TIMEOUT', 'ERR_REPLY_LOST', 'ERR_REPLY_TOO_LARGE'] as const
const maxReasonLength = 300

function judge({ url, address, reply }: Fetched, expected: string): Problem | undefined {
  const body = Buffer.from(reply.body).toString('latin1') // one character a byte, whatever was sent
  if (reply.status === 200 && body.trimEnd() === expected) return undefined
  const seen = body === '' ? 'nothing' : `"${printable(body, maxShownLength)}"`
  const where = `${shown(url)} at ${address}`
  return reply.status === 200
    ? problem('unauthorized', `${where} has ${seen} in place of the key authorization`)
    : problem('unauthorized', `${where} answered with status ${reply.status} and ${seen}`)
}

function nextHop(
  { url: from }: Hop,
  location: string | undefined,
  { httpPort, httpsPort }: Pick<MethodParts, 'httpPort' | 'httpsPort'>,
): Hop | Failed {
  const refuse = (why: string): Failed => ({
    problem: problem('incorrectResponse', `${shown(from)} redirects ${why}`),
  })
  if (location === undefined || !URL.canParse(location, from.href)) return refuse('without saying where to')
  const url = new URL(location, from)
  url.hash = ''
  const to = `to ${shown(url)}`
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    return refuse(`${to}, which is neither http nor https`)
  if (url.username !== '' || url.password !== '') return refuse(`${to} with a user name`)
  if (url.pathname.length + url.search.length > maxPathLength)
    return refuse(`to a path longer than ${maxPathLength} characters`)
  const ports = [httpPort, httpsPort]
  const port = url.port === '' ? (url.protocol === 'http:' ? httpPort : httpsPort) : Number(url.port)
  if (!ports.includes(port)) return refuse(`${to}, to a port other than ${ports.join(' and ')}`)
  url.port = String(port)
  const host = hostOf(url)
  return host === undefined ? refuse(`${to}, which is no public name`) : { url, host }
}

function hostOf({ hostname }: URL): Identifier | undefined {
  try {
    return parseIdentifier(hostname)
  } catch {
    return undefined
  }
}

function shown({ href }: URL): string {
  return printable(href, 200)
}
