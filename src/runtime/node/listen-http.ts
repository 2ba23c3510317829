/** A small HTTP listener for challenge responses. */
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import { AppError, messageOf, systemCodeOf } from '../../base/errors.ts'
import type { ListenAddress, Listener, ListenerReply, ListenerRequest, ListenHttp } from '../network.ts'

const maxHeaderBytes = 8 * 1024
const headersTimeoutMs = 10_000
/** How often connections are looked at for being too slow. */
const checkIntervalMs = 1_000
/** CAs look from a handful of places at once; more than this is not them. */
const maxConnections = 256

/** Listens on sockets of this machine. */
export function nodeListenHttp(): ListenHttp {
  return async (addresses, answer) => {
    const servers: Server[] = []
    try {
      for (const address of addresses) {
        const server = await createAnsweringServer(answer)
        await listen(server, address)
        servers.push(server)
      }
    } catch (error) {
      await closeAll(servers)
      throw error
    }
    return listenerOf(servers)
  }
}

/** A server that reads no bodies and lets nobody wait; it does not listen yet. */
export async function createAnsweringServer(
  answer: (request: ListenerRequest) => ListenerReply,
): Promise<Server> {
  const { createServer } = await import('node:http')
  const limits = {
    maxHeaderSize: maxHeaderBytes,
    headersTimeout: headersTimeoutMs,
    requestTimeout: headersTimeoutMs,
    connectionsCheckingInterval: checkIntervalMs,
  }
  const server = createServer(limits, listenerFor(answer))
  server.maxConnections = maxConnections
  return server
}

function listenerOf(servers: readonly Server[]): Listener {
  return {
    addresses: servers.map(boundTo),
    [Symbol.asyncDispose]: () => closeAll(servers),
  }
}

function listenerFor(answer: (request: ListenerRequest) => ListenerReply): RequestListener {
  return (request, response) => reply(response, request, safely(answer, request))
}

function safely(
  answer: (request: ListenerRequest) => ListenerReply,
  request: IncomingMessage,
): ListenerReply {
  try {
    const { method = '', url = '', headers } = request
    return answer({ method, path: url, host: headers.host })
  } catch {
    return { status: 500, body: '' } // one strange request must not end the process
  }
}

function reply(
  response: ServerResponse,
  request: IncomingMessage,
  { status, body, contentType = 'application/octet-stream' }: ListenerReply,
): void {
  response.writeHead(status, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(body),
    'x-content-type-options': 'nosniff',
    connection: 'close',
  })
  response.end(request.method === 'HEAD' ? undefined : body)
}

function listen(server: Server, { host, port }: ListenAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    // Not once: what goes wrong with one connection later, such as too many open files, must not end the process.
    server.on('error', cause => reject(listenError({ host, port }, cause)))
    // Without ipv6Only, "::" would take IPv4 as well and collide with "0.0.0.0".
    server.listen({ host, port, ipv6Only: true }, resolve)
  })
}

function listenError({ host, port }: ListenAddress, cause: Error): AppError {
  const where = `${host.includes(':') ? `[${host}]` : host}:${port}`
  const reasons: Readonly<Record<string, { readonly text: string; readonly hint: string }>> = {
    EADDRINUSE: {
      text: 'another process listens there',
      hint: `end it, or see which one it is: ss -ltnp 'sport = :${port}'`,
    },
    EACCES: {
      text: 'this user may not',
      hint: 'ports below 1024 need root or the capability CAP_NET_BIND_SERVICE',
    },
    EADDRNOTAVAIL: { text: 'this machine does not have that address', hint: 'see: ip address' },
    EAFNOSUPPORT: { text: 'this machine has no such kind of address', hint: 'leave IPv6 out' },
  }
  const reason = reasons[systemCodeOf(cause) ?? '']
  return new AppError('ERR_LISTEN', `cannot listen on ${where}: ${reason?.text ?? messageOf(cause)}`, {
    hint: reason?.hint,
    cause,
  })
}

function boundTo(server: Server): ListenAddress {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new TypeError('not a TCP listener')
  return { host: address.address, port: address.port }
}

async function closeAll(servers: readonly Server[]): Promise<void> {
  await Promise.all(servers.map(closeServer))
}

/** Closes a server and every connection to it. */
export function closeServer(server: Server): Promise<void> {
  return new Promise(resolve => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
