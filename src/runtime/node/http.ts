/** HTTP over real sockets. */
import type { ClientRequest, IncomingMessage } from 'node:http'
import { abortedError } from '../../base/aborted.ts'
import { formatDuration } from '../../base/duration.ts'
import { AppError, isAppError, messageOf, systemCodeOf } from '../../base/errors.ts'
import { minuteMs, secondMs } from '../../base/instant.ts'
import { printable } from '../../base/printable.ts'
import type { HttpExchange, HttpReply, HttpRequest } from '../http.ts'
import { type Connections, createConnections, type Route } from './http-connections.ts'

const defaultMaxBodyBytes = 64 * 1024
const defaultConnectTimeoutMs = 10 * secondMs
const defaultHeadersTimeoutMs = 30 * secondMs
const defaultBodyTimeoutMs = minuteMs
/** Larger headers than Node's own 16 KiB have no use in any protocol of ours. */
const maxHeaderBytes = 16 * 1024

/** Exchanges over connections that are kept for the next one; server certificates are always verified. */
export function nodeHttp(): HttpExchange {
  const connections = createConnections()
  return async (url, request) => {
    const target = new URL(url)
    if (target.protocol !== 'https:' && target.protocol !== 'http:') {
      throw new TypeError(`neither http: nor https: ${url}`)
    }
    if (request.signal?.aborted) throw abortedError(request.signal, describe(target, request))
    const first = await exchange(connections, target, request, 'any')
    if (first !== 'stale-connection') return first
    const second = await exchange(connections, target, request, 'new')
    if (second !== 'stale-connection') return second
    throw new TypeError('a new connection cannot be stale')
  }
}

/** A kept connection was closed by the server just when it was used again, and repeating is harmless. */
type Outcome = HttpReply | 'stale-connection'

async function exchange(
  connections: Connections,
  target: URL,
  request: HttpRequest,
  connection: 'any' | 'new',
): Promise<Outcome> {
  const what = describe(target, request)
  const route: Route = {
    url: target,
    trustPem: request.trustPem,
    address: request.address,
    anyCertificate: request.anyCertificate ?? false,
    connectTimeoutMs: request.connectTimeoutMs ?? defaultConnectTimeoutMs,
    signal: request.signal,
    fresh: connection === 'new',
  }
  return await connections.use(route, async start => {
    const sending = start({
      method: request.method,
      headers: headersOf(request),
      maxHeaderSize: maxHeaderBytes,
    })
    return await perform(sending, request, what)
  })
}

function describe(target: URL, { method }: HttpRequest): string {
  return `${method} ${printable(target.origin + target.pathname)}`
}

function headersOf({ method, headers, body }: HttpRequest): Record<string, string> {
  const length = Buffer.byteLength(body ?? '')
  const hasBody = method === 'POST' || method === 'PUT' || method === 'PATCH' || length > 0
  return { ...headers, ...(hasBody ? { 'content-length': String(length) } : {}) }
}

/** Sends a request and gathers the reply; every way in which that can end is decided here. */
function perform(sending: ClientRequest, request: HttpRequest, what: string): Promise<Outcome> {
  const { headersTimeoutMs = defaultHeadersTimeoutMs, bodyTimeoutMs = defaultBodyTimeoutMs, signal } = request
  return new Promise((resolve, reject) => {
    let sent = false
    let replied = false
    let timer: NodeJS.Timeout | undefined

    const end = (settle: () => void): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      settle()
    }
    const fail = (error: AppError): void => {
      end(() => reject(error))
      sending.destroy()
    }
    const limit = (ms: number, text: string): void => {
      clearTimeout(timer)
      timer = setTimeout(() => fail(lostReply(what, `${text} within ${formatDuration(ms)}`)), ms)
    }
    const onAbort = (): void => {
      if (signal) fail(abortedError(signal, what))
    }
    signal?.addEventListener('abort', onAbort, { once: true })

    sending.once('socket', () => {
      sent = true // connections arrive here ready for use, so the request is written at once
      limit(headersTimeoutMs, 'no answer came')
    })
    sending.on('error', error => {
      if (!replied && sending.reusedSocket && request.method !== 'POST' && wasClosed(error)) {
        end(() => resolve('stale-connection'))
      } else fail(sent ? brokenOff(what, error) : notSent(error))
    })
    sending.once('response', reply => {
      replied = true
      limit(bodyTimeoutMs, 'the answer was not complete')
      gather(reply, request, what).then(
        body => end(() => resolve({ status: reply.statusCode ?? 0, headers: fieldsOf(reply), body })),
        (error: unknown) => fail(isAppError(error) ? error : brokenOff(what, error)),
      )
    })
    sending.end(request.body)
  })
}

function gather(
  reply: IncomingMessage,
  { method, maxBodyBytes: maxBytes = defaultMaxBodyBytes }: HttpRequest,
  what: string,
): Promise<Uint8Array> {
  const tooLarge = (): AppError =>
    new AppError('ERR_REPLY_TOO_LARGE', `${what}: the answer is larger than ${maxBytes} bytes`)
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>()
  if (Number(reply.headers['content-length'] ?? 0) > maxBytes && method !== 'HEAD') reject(tooLarge())
  const chunks: Buffer[] = []
  let length = 0
  reply.on('data', (chunk: Buffer) => {
    length += chunk.length
    if (length > maxBytes) reject(tooLarge())
    else chunks.push(chunk)
  })
  reply.once('end', () => resolve(new Uint8Array(Buffer.concat(chunks))))
  reply.once('error', reject)
  return promise
}

/** From the raw fields: Node's own map drops repetitions of some names. */
function fieldsOf({ rawHeaders }: IncomingMessage): ReadonlyMap<string, string> {
  const fields = new Map<string, string>()
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? '').toLowerCase()
    const value = rawHeaders[index + 1] ?? ''
    const earlier = fields.get(name)
    fields.set(name, earlier === undefined ? value : `${earlier}, ${value}`)
  }
  return fields
}

function wasClosed(error: unknown): boolean {
  return ['ECONNRESET', 'EPIPE'].includes(systemCodeOf(error) ?? '')
}

function notSent(error: unknown): AppError {
  return isAppError(error) ? error : new AppError('ERR_NETWORK', messageOf(error), { cause: error })
}

function brokenOff(what: string, cause: unknown): AppError {
  const code = systemCodeOf(cause) ?? ''
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new AppError('ERR_REPLY_TOO_LARGE', `${what}: the header is larger than ${maxHeaderBytes} bytes`, {
      cause,
    })
  }
  if (code.startsWith('HPE_')) return lostReply(what, 'what came back is not HTTP', cause)
  return lostReply(what, 'the connection broke before the answer was complete', cause)
}

function lostReply(what: string, text: string, cause?: unknown): AppError {
  return new AppError('ERR_REPLY_LOST', `${what}: ${text}`, {
    hint: 'whether the request took effect is not known; trying again finds out',
    cause,
  })
}
