/** Endpoints as people write them: `www.example.com:443`, `[2001:db8::1]:8443`, `smtp://mail.example.com`. Pure. */
import { suggest } from '../base/suggest.ts'
import type { ListenAddress, StartTls } from './network.ts'

/** Where TLS is spoken, and in which protocol client and server talk before it begins. */
export type EndpointAddress = ListenAddress & { readonly startTls?: StartTls }

type Scheme = { readonly port: number; readonly startTls?: StartTls }

/** What stands before `://`, with the port that IANA has for it. */
const schemes = new Map<string, Scheme>([
  ['smtp', { port: 25, startTls: 'smtp' }],
  ['submission', { port: 587, startTls: 'smtp' }],
  ['lmtp', { port: 24, startTls: 'lmtp' }],
  ['imap', { port: 143, startTls: 'imap' }],
  ['pop3', { port: 110, startTls: 'pop3' }],
  ['sieve', { port: 4190, startTls: 'sieve' }],
  ['ldap', { port: 389, startTls: 'ldap' }],
  ['xmpp', { port: 5222, startTls: 'xmpp' }],
  ['postgres', { port: 5432, startTls: 'postgres' }],
  ['postgresql', { port: 5432, startTls: 'postgres' }],
  ['mysql', { port: 3306, startTls: 'mysql' }],
  ['mariadb', { port: 3306, startTls: 'mysql' }],
  ['ftp', { port: 21, startTls: 'ftp' }],
  ['tls', { port: 443 }],
  ['https', { port: 443 }],
  ['smtps', { port: 465 }],
  ['submissions', { port: 465 }],
  ['imaps', { port: 993 }],
  ['pop3s', { port: 995 }],
  ['ldaps', { port: 636 }],
  ['xmpps', { port: 5223 }],
  ['ftps', { port: 990 }],
  ['amqps', { port: 5671 }],
  ['mqtts', { port: 8883 }],
  ['rediss', { port: 6379 }],
])

const maxPort = 65_535
const form =
  /^(?:(?<scheme>[a-z0-9]+):\/\/)?(?:\[(?<bracketed>[0-9a-fA-F:.]+)\]|(?<plain>[a-zA-Z0-9_.-]+))(?::(?<port>\d{1,5}))?(?<slash>\/?)$/

/** What {@link parseEndpoint} takes, to follow "must be". */
export const endpointForm =
  'HOST:PORT or PROTOCOL://HOST, such as www.example.com:443, [2001:db8::1]:8443, smtp://mail.example.com or imap://mail.example.com:143'

/**
 * `host:port`, an IPv6 address in brackets, or `scheme://host` with a port where it is not the usual one.
 * @returns `undefined` where the text is no such thing
 */
export function parseEndpoint(text: string): EndpointAddress | undefined {
  const { scheme: name, bracketed, plain, port: portText, slash } = form.exec(text)?.groups ?? {}
  const scheme = name === undefined ? undefined : schemes.get(name)
  const host = bracketed ?? plain
  const port = portText === undefined ? scheme?.port : Number(portText)
  if (host === undefined || port === undefined || port < 1 || port > maxPort) return undefined
  if (name === undefined ? slash !== '' : scheme === undefined) return undefined
  const { startTls } = scheme ?? {}
  return { host, port, ...(startTls !== undefined && { startTls }) }
}

/** The protocol that was probably meant, `smtp` for `smpt://…`; `undefined` where there is none like it. */
export function suggestScheme(text: string): string | undefined {
  const [, name] = /^([a-z0-9]+):\/\//i.exec(text) ?? []
  return name === undefined || schemes.has(name) ? undefined : suggest(name, [...schemes.keys()])
}

/** The text of an endpoint, always with its port: `smtp://[::1]:25`, `127.0.0.1:443`. */
export function formatEndpoint({ host, port, startTls }: EndpointAddress): string {
  const address = `${host.includes(':') ? `[${host}]` : host}:${port}`
  return startTls === undefined ? address : `${startTls}://${address}`
}
