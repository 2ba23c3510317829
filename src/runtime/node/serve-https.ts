/**
 * An HTTPS server for applications that are functions from `Request` to `Response`.
 *
 * On node:https itself: what an adapter package would add (streams in both directions, upgrades, URLs built from
 * `Host`) is just what this server must not do, and what it must do (limits before anything is read) would remain.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Server } from 'node:https'
import type { Socket } from 'node:net'
import { AppError, messageOf } from '../../base/errors.ts'
import { minuteMs, secondMs } from '../../base/instant.ts'
import type { HttpsListener, ServeHttps, ServeHttpsOptions } from '../network.ts'

const maxHeaderBytes = 16 * 1024
/** More than any signed request has: an application with a lower limit can still say so itself. */
const maxBodyBytes = 64 * 1024
const limits = {
  maxHeaderSize: maxHeaderBytes,
  headersTimeout: 10 * secondMs,
  requestTimeout: 30 * secondMs,
  keepAliveTimeout: 5 * secondMs,
  handshakeTimeout: 10 * secondMs,
  connectionsCheckingInterval: secondMs,
} as const
/** For an application that hangs: longer than any reply takes. */
const socketTimeoutMs = 2 * minuteMs
const maxConnections = 1_024
const maxConnectionsPerPeer = 256

/** Serves on a socket of this machine. */
export function nodeServeHttps(): ServeHttps {
  return async (app, options) => {
    const { createServer } = await import('node:https')
    const { host, port, certificatePem, keyPem } = options
    const server = createServer({ ...limits, cert: certificatePem, key: keyPem, minVersion: 'TLSv1.2' })
    server.maxConnections = maxConnections
    server.setTimeout(socketTimeoutMs)
    const sockets = limitPerPeer(server)
    await listen(server, options)
    const bound = server.address()
    if (bound === null || typeof bound === 'string') throw new TypeError('not a TCP listener')
    const origin = `https://${host.includes(':') ? `[${host}]` : host}:${bound.port}`
    server.on('request', (request, response) => {
      void answer(app, { request, response, origin })
    })
    const listener: HttpsListener = {
      addresses: [{ host: bound.address, port: bound.port || port }],
      setCertificate: next =>
        server.setSecureContext({ cert: next.certificatePem, key: next.keyPem, minVersion: 'TLSv1.2' }),
      [Symbol.asyncDispose]: () => close(server, sockets),
    }
    return listener
  }
}

type Exchange = {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly origin: string
}

/** Never rejects: what goes wrong with one exchange must not end the process. */
async function answer(app: (request: Request) => Promise<Response>, exchange: Exchange): Promise<void> {
  const { request, response, origin } = exchange
  try {
    const body = await readBody(request)
    if (body === 'too-large') return refuse(response, 413)
    const { url = '/', method = 'GET' } = request
    if (!url.startsWith('/') || !URL.canParse(origin + url)) return refuse(response, 400)
    const reply = await app(
      new Request(origin + url, {
        method,
        headers: headersOf(request),
        ...(method === 'GET' || method === 'HEAD' ? {} : { body }),
      }),
    )
    const content = Buffer.from(await reply.arrayBuffer())
    response.statusCode = reply.status
    response.setHeaders(reply.headers)
    if (reply.status !== 204) response.setHeader('content-length', content.length)
    response.end(method === 'HEAD' ? undefined : content)
  } catch {
    if (response.headersSent) response.destroy()
    else refuse(response, 500) // an application reports its own errors; this is one in a header or a method
  }
}

function refuse(response: ServerResponse, status: number): void {
  response.writeHead(status, { connection: 'close', 'content-length': 0 }).end()
}

async function readBody(request: IncomingMessage): Promise<Uint8Array<ArrayBuffer> | 'too-large'> {
  const chunks: Buffer[] = []
  let length = 0
  // The default iterator would cut the connection when it is left, and with it the reply.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > maxBodyBytes) return 'too-large'
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** From the raw fields, so that a field that comes twice is seen twice. */
function headersOf({ rawHeaders }: IncomingMessage): Headers {
  const headers = new Headers()
  for (let index = 0; index + 1 < rawHeaders.length; index += 2)
    headers.append(rawHeaders[index] ?? '', rawHeaders[index + 1] ?? '')
  return headers
}

/** Closes connections beyond the limit of one address at once. Returns the open ones. */
function limitPerPeer(server: Server): ReadonlySet<Socket> {
  const open = new Set<Socket>()
  const perPeer = new Map<string, number>()
  server.on('connection', (socket: Socket) => {
    const peer = socket.remoteAddress ?? ''
    const count = (perPeer.get(peer) ?? 0) + 1
    if (count > maxConnectionsPerPeer) {
      socket.destroy()
      return
    }
    perPeer.set(peer, count)
    open.add(socket)
    socket.once('close', () => {
      open.delete(socket)
      const left = (perPeer.get(peer) ?? 1) - 1
      if (left === 0) perPeer.delete(peer)
      else perPeer.set(peer, left)
    })
  })
  return open
}

function listen(server: Server, { host, port }: ServeHttpsOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    // Not once: what goes wrong with one connection later, such as too many open files, must not end the process.
    server.on('error', cause =>
      reject(
        new AppError('ERR_LISTEN', `cannot listen on ${host}:${port}: ${messageOf(cause)}`, {
          hint: 'choose another address or port, or end the process that has it',
          cause,
        }),
      ),
    )
    server.listen({ host, port }, resolve)
  })
}

/** TLS connections that never became HTTP are not known to the HTTP server; the sockets below them are. */
function close(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  return new Promise(resolve => {
    server.close(() => resolve())
    for (const socket of sockets) socket.destroy()
  })
}
