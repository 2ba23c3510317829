/** The CA that a client talks to: its directory, and which URLs are its own. */
import { parseUrl, type Url } from '../acme/wire.ts'
import { AppError } from '../base/errors.ts'
import { printable } from '../base/printable.ts'

/** A directory URL with the parts of it that requests and messages need. */
export type Authority = {
  readonly directory: Url
  /** Host, with the port where it is not the usual one: how messages name the CA. */
  readonly host: string
  readonly origin: string
}

/** Hosts that never leave this machine: 127.0.0.0/8, ::1, and the name reserved for them (RFC 6761 §6.3). */
const loopbackHost = /^(?:127(?:\.\d{1,3}){3}|\[::1\]|localhost)$/

/**
 * The authority behind a directory URL.
 * @throws AppError ERR_FORMAT unless it is an https URL, or an http URL on a loopback address
 */
export function parseAuthority(text: string): Authority {
  const directory = parseUrl(text)
  const { protocol, hostname, host, origin } = new URL(directory)
  if (protocol !== 'https:' && !loopbackHost.test(hostname)) {
    throw new AppError('ERR_FORMAT', `the directory ${printable(text, 200)} is not an https URL`, {
      hint: 'begin it with https://; plain http is only for a CA on a loopback address',
    })
  }
  return { directory, host, origin }
}

/** Whether a URL has the origin of the directory; nothing else is ever sent a signed request. */
export function isOwnUrl({ origin }: Authority, url: Url): boolean {
  return new URL(url).origin === origin
}

/** The error for a URL of another origin: `the order's finalize URL … is not at ca.example`. */
export function foreignUrl({ host }: Authority, what: string, url: string): AppError {
  return new AppError('ERR_REPLY_INVALID', `${what} ${printable(url, 200)} is not at ${host}`, {
    hint: 'signed requests go only to the host of the directory; check that the directory URL is right',
  })
}
