/** HTTPS through a proxy: CONNECT (RFC 9110 §9.3.6). */
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { AppError } from '../../base/errors.ts'
import { printable } from '../../base/printable.ts'

const defaultPort = 80
/** Proxies say little; what is longer is not the answer to CONNECT. */
const maxReplyBytes = 8 * 1024

/**
 * The proxy that `HTTPS_PROXY` (or `https_proxy`) names for an https URL, unless `NO_PROXY` exempts its host.
 * @throws AppError ERR_NETWORK when it is not the URL of an HTTP proxy
 */
export function proxyFor(url: URL, environment: (name: string) => string | undefined): URL | undefined {
  const text = environment('HTTPS_PROXY') ?? environment('https_proxy') ?? ''
  const exempt = environment('NO_PROXY') ?? environment('no_proxy') ?? ''
  if (url.protocol !== 'https:' || text === '' || isLoopback(url.hostname) || isExempt(url, exempt))
    return undefined
  const proxy = URL.canParse(text) ? new URL(text) : undefined
  if (proxy?.protocol === 'http:') return proxy
  throw new AppError('ERR_NETWORK', 'HTTPS_PROXY does not name an HTTP proxy', {
    hint: 'write it like http://proxy.example:3128, or unset it',
    lasting: true,
  })
}

function isLoopback(hostname: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname)
}

/** Entries are hosts, which stand for what is below them too, each perhaps with a port; `*` is everything. */
function isExempt({ hostname, port }: URL, list: string): boolean {
  return list.split(/[\s,]+/).some(entry => {
    const [, host = '', entryPort] = /^(?:\*?\.)?(.*?)(?::(\d+))?$/.exec(entry.toLowerCase()) ?? []
    if (entry === '*') return true
    if (host === '' || (entryPort !== undefined && entryPort !== (port || '443'))) return false
    return hostname === host || hostname.endsWith(`.${host}`)
  })
}

/**
 * Makes `socket` a tunnel to the host of `url`.
 * @throws AppError ERR_NETWORK when the proxy refuses; the error of the socket when it breaks
 */
export async function openTunnel(socket: Socket, proxy: URL, url: URL): Promise<void> {
  const host = proxy.hostname.replace(/^\[(.*)\]$/, '$1')
  await once(socket.connect({ host, port: Number(proxy.port || defaultPort) }), 'connect')
  const target = `${url.hostname}:${url.port || '443'}`
  const user = [proxy.username, proxy.password].map(decodeURIComponent).join(':')
  const credentials =
    user === ':' ? '' : `Proxy-Authorization: Basic ${Buffer.from(user).toString('base64')}\r\n`
  socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n${credentials}\r\n`)
  const status = await statusLine(socket)
  if (/^HTTP\/1\.[01] 2\d\d/.test(status)) return
  const text = `the proxy ${proxy.host} does not connect to ${target}: ${printable(status, 100)}`
  throw new AppError('ERR_NETWORK', text, {
    hint: 'see HTTPS_PROXY and what the proxy allows; NO_PROXY exempts hosts',
  })
}

/** The first line of a reply, when its header is complete; after it, a TLS server waits for the client. */
function statusLine(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const settle = (): void => {
      socket.off('data', onData).off('end', settle).off('error', reject).pause()
      resolve(text.split('\r\n')[0] ?? '')
    }
    const onData = (chunk: Buffer): void => {
      text += chunk.toString('latin1')
      if (text.includes('\r\n\r\n') || text.length > maxReplyBytes) settle()
    }
    socket.on('data', onData).once('end', settle).once('error', reject)
  })
}
