/** Where to listen, as people write it. Pure. */
import { parseIpAddress } from '../../acme/identifier.ts'
import type { ListenAddress } from '../../runtime/network.ts'

const maxPort = 65_535

/** `127.0.0.1:9402` or `[::1]:9402`; `undefined` where the text is no such thing. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? []
  const host = bracketed ?? plain ?? ''
  const isIpv6 = host.includes(':')
  if (parseIpAddress(host) === undefined || isIpv6 !== (bracketed !== undefined)) return undefined
  if (Number(port) < 1 || Number(port) > maxPort) return undefined
  return { host, port: Number(port) }
}

/** Text that {@link parseListenAddress} takes. */
export function formatListenAddress({ host, port }: ListenAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
