/** What a web server says about HTTPS: HSTS, its own name, and where it sends those who come without TLS. */
import { isAppError } from '../base/errors.ts'
import { printable } from '../base/printable.ts'
import type { HttpReply } from '../runtime/http.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { ScanTarget } from './scan-result.ts'

/** A Strict-Transport-Security header (RFC 6797 §6.1). */
export type Hsts = {
  readonly maxAgeSeconds: number
  readonly includeSubDomains: boolean
  readonly preload: boolean
}

/** What was seen over HTTP. */
export type HttpSeen = {
  /** Whether HTTP was answered over TLS. */
  readonly spoken: boolean
  /** Why it was not. */
  readonly failure?: string
  /** The Server header. */
  readonly server?: string
  /** `invalid` for a header that browsers ignore. */
  readonly hsts?: Hsts | 'invalid'
  /** What the port for plain HTTP does; absent where it was not asked. */
  readonly plain?: 'to-https' | 'elsewhere' | 'answers' | 'closed'
}

/** The time for one reply, of a server of which it is known that it speaks HTTP, and of one of which it is not. */
const replyTimeoutMs = { known: 10_000, unknown: 3_000 } as const

/** Settings of {@link lookByHttp}. */
export type HttpOptions = {
  /** The port of plain HTTP; not asked where absent. */
  readonly httpPort: number | undefined
  /** Whether the server named HTTP as its protocol: then there is more patience. */
  readonly known: boolean
  readonly signal: AbortSignal
}

/** Asks for the start page over HTTPS and over HTTP. Never throws but when aborted. */
export async function lookByHttp(
  { host, address, port, serverName }: ScanTarget,
  { httpPort, known, signal }: HttpOptions,
  { http }: Pick<Runtime, 'http'>,
): Promise<HttpSeen> {
  const name = serverName ?? host
  const shown = name.includes(':') ? `[${name}]` : name
  const timeoutMs = known ? replyTimeoutMs.known : replyTimeoutMs.unknown
  const options = {
    method: 'GET',
    address,
    headersTimeoutMs: timeoutMs,
    bodyTimeoutMs: timeoutMs,
    maxBodyBytes: maxPageBytes,
    signal,
  } as const
  const plain = httpPort === undefined ? {} : { plain: await plainHttp(`http://${shown}:${httpPort}/`) }
  try {
    const { headers } = await startPage(`https://${shown}:${port}/`)
    const server = headers.get('server')
    const policy = headers.get('strict-transport-security')
    return {
      spoken: true,
      ...(server !== undefined && { server: printable(server, 100) }),
      ...(policy !== undefined && { hsts: parseHsts(policy) ?? 'invalid' }),
      ...plain,
    }
  } catch (error) {
    if (!isAppError(error) || error.code === 'ERR_ABORTED') throw error
    return { spoken: false, failure: error.message, ...plain }
  }

  /** Headers come with GET more surely than with HEAD; some pages are too large for it. */
  async function startPage(url: string): Promise<HttpReply> {
    const asked = { ...options, anyCertificate: true }
    try {
      return await http(url, asked)
    } catch (error) {
      if (!isAppError(error, 'ERR_REPLY_TOO_LARGE')) throw error
      return await http(url, { ...asked, method: 'HEAD' })
    }
  }

  async function plainHttp(url: string): Promise<NonNullable<HttpSeen['plain']>> {
    try {
      const { status, headers } = await http(url, options)
      const location = headers.get('location')
      if (status < 300 || status > 399 || location === undefined) return 'answers'
      const next = URL.canParse(location, url) ? new URL(location, url) : undefined
      return next?.protocol === 'https:' ? 'to-https' : 'elsewhere'
    } catch (error) {
      if (!isAppError(error) || error.code === 'ERR_ABORTED') throw error
      return 'closed'
    }
  }
}

/** A long start page; what is longer is not needed. */
const maxPageBytes = 1024 * 1024

/**
 * Reads a Strict-Transport-Security header as browsers do; `undefined` for one that they ignore. Of several, the first
 * counts (RFC 6797 §8.1).
 */
export function parseHsts(text: string): Hsts | undefined {
  const [first = ''] = text.split(',')
  const directives = new Map<string, string>()
  for (const part of first.split(';')) {
    const [name = '', ...value] = part.split('=')
    const key = name.trim().toLowerCase()
    if (key === '') continue
    if (directives.has(key)) return undefined // each at most once
    directives.set(
      key,
      value
        .join('=')
        .trim()
        .replace(/^"(.*)"$/, '$1'),
    )
  }
  const age = directives.get('max-age')
  if (age === undefined || !/^\d{1,15}$/.test(age)) return undefined
  return {
    maxAgeSeconds: Number(age),
    includeSubDomains: directives.has('includesubdomains'),
    preload: directives.has('preload'),
  }
}
