/** What a person types to say which server is meant. Pure. */
import { domainToASCII } from 'node:url'
import { parseIpAddress } from '../acme/identifier.ts'
import { AppError } from '../base/errors.ts'
import { printable } from '../base/printable.ts'
import { type StartTls, startTlsProtocols } from '../runtime/network.ts'

/** A server, before its name is resolved. */
export type GradeTarget = {
  /** A name, or an address without brackets. */
  readonly host: string
  readonly port: number
  /** What clients call it: `host`, where that is a name. */
  readonly serverName: string | undefined
  readonly startTls: StartTls | undefined
}

/** Where the protocols are usually found (IANA). */
const usualPorts: Readonly<Record<StartTls, number>> = {
  smtp: 25,
  lmtp: 24,
  imap: 143,
  pop3: 110,
  sieve: 4190,
  ldap: 389,
  xmpp: 5222,
  postgres: 5432,
  mysql: 3306,
  ftp: 21,
}
const httpsPort = 443

/**
 * Reads `HOST`, `HOST:PORT`, `[ADDRESS]:PORT`, `https://HOST:PORT/` or `smtp://HOST:PORT`.
 * @throws AppError ERR_USAGE
 */
export function parseGradeTarget(
  text: string,
  given: { readonly serverName?: string | undefined; readonly startTls?: StartTls | undefined } = {},
): GradeTarget {
  const [, scheme, authority = ''] = /^(?:([a-z0-9]+):\/\/)?([^/]*)\/?$/i.exec(text) ?? []
  const named = startTlsProtocols.find(protocol => protocol === scheme?.toLowerCase())
  if (scheme !== undefined && named === undefined && scheme.toLowerCase() !== 'https')
    throw refuse(
      text,
      `${printable(scheme)}:// is not known; there are https, ${startTlsProtocols.join(', ')}`,
    )
  if (named !== undefined && given.startTls !== undefined && named !== given.startTls)
    throw refuse(text, `it says ${named}, and --starttls says ${given.startTls}`)
  const startTls = given.startTls ?? named
  const [, bracketed, plain, portText] = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d+))?$/.exec(authority) ?? []
  const bare = parseIpAddress(authority) // an IPv6 address without brackets, and so without a port
  const host = hostOf(bare ?? bracketed ?? plain ?? '')
  const port = portText === undefined ? usualPort(startTls) : Number(portText)
  if (host === undefined || port < 1 || port > 65_535)
    throw refuse(text, 'that is no host, and no host with a port')
  const serverName = given.serverName === undefined ? undefined : hostOf(given.serverName)
  if (
    given.serverName !== undefined &&
    (serverName === undefined || parseIpAddress(serverName) !== undefined)
  )
    throw refuse(text, `--server-name ${printable(given.serverName)} is no DNS name`)
  return {
    host,
    port,
    serverName: serverName ?? (parseIpAddress(host) === undefined ? host : undefined),
    startTls,
  }
}

function usualPort(startTls: StartTls | undefined): number {
  return startTls === undefined ? httpsPort : usualPorts[startTls]
}

/** An address, or a name in its ASCII form. */
function hostOf(text: string): string | undefined {
  const address = parseIpAddress(text)
  if (address !== undefined) return address
  const name = domainToASCII(text).replace(/\.$/, '')
  return name.length <= 253 && /^[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?$/i.test(name) ? name : undefined
}

function refuse(text: string, why: string): AppError {
  return new AppError('ERR_USAGE', `cannot tell which server ${printable(text, 200)} is: ${why}`, {
    hint: 'certwright tls grade www.example.com, mail.example.com:465, [2001:db8::1]:443 or smtp://mail.example.com',
  })
}
