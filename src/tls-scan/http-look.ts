/** What a web server says about HTTPS: HSTS, its own name, and where it sends those who come without TLS. */
import { isAppError } from '../base/errors.ts'
import { printable } from '../base/printable.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { ScanTarget } from './scan.ts'

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

/** The time for one reply. */
const replyTimeoutMs = 10_000

/**
 * Asks for the start page over HTTPS and over HTTP. Never throws but when aborted.
 * @param httpPort - of plain HTTP; not asked where absent
 */
export async function lookByHttp(
  { host, address, port, serverName }: ScanTarget,
  { httpPort, signal }: { readonly httpPort: number | undefined; readonly signal: AbortSignal },
  { http }: Pick<Runtime, 'http'>,
): Promise<HttpSeen> {
  const name = serverName ?? host
  const shown = name.includes(':') ? `[${name}]` : name
  const options = {
    method: 'GET',
    address,
    headersTimeoutMs: replyTimeoutMs,
    bodyTimeoutMs: replyTimeoutMs,
    maxBodyBytes: maxPageBytes,
    signal,
  } as const
  const plain = httpPort === undefined ? {} : { plain: await plainHttp(`http://${shown}:${httpPort}/`) }
  try {
    const { headers } = await http(`https://${shown}:${port}/`, { ...options, anyCertificate: true })
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

/** A start page with its pictures inlined. */
const maxPageBytes = 4 * 1024 * 1024

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
