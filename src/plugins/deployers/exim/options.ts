/** What `exim -bP` prints: where Exim reads certificates, and where it listens. Pure. */
import type { StartTls } from '../../../runtime/network.ts'
import { reachable } from '../server/listen.ts'
import type { CertificatePlace } from '../server/place.ts'

/** Its options by name; one that is a yes or no has neither value nor `=`. */
export type EximOptions = ReadonlyMap<string, string>

/** Reads `NAME = VALUE` lines, `NAME` and `no_NAME`. */
export function parseOptions(text: string): EximOptions {
  return new Map(
    text.split('\n').flatMap(line => {
      const [, name, value] = /^(\w+)(?: = ?(.*))?$/.exec(line) ?? []
      return name === undefined ? [] : [[name, value ?? 'yes'] as const]
    }),
  )
}

/** The items of a list: separated by colons, of which two stand for one, or by what follows `<` at its beginning. */
export function listItems(list: string): readonly string[] {
  const [, separator, rest = ''] = /^\s*<([^\w\s])(.*)$/.exec(list) ?? []
  const items =
    separator === undefined
      ? list.split(/(?<!:):(?!:)/).map(item => item.replaceAll('::', ':'))
      : rest.split(separator)
  return items.map(item => item.trim()).filter(item => item !== '')
}

/** Whether a value is computed for each connection, so that it names no file before. */
export function isExpanded(value: string): boolean {
  return value.includes('$')
}

/**
 * The certificates of Exim, each with the key at the same place of the other list.
 * @param named - the file that is meant, where the value of Exim tells none
 */
export function eximPlaces(options: EximOptions, named: string | undefined): readonly CertificatePlace[] {
  const certificates = options.get('tls_certificate') ?? ''
  const keys = options.get('tls_privatekey') ?? ''
  const files = isExpanded(certificates) ? [named ?? ''] : listItems(certificates)
  const keyFiles = isExpanded(keys) ? [] : listItems(keys)
  return files.flatMap((certificateFile, index) => {
    const keyFile = keyFiles[index] ?? (keys === '' ? certificateFile : '')
    const isPlace = certificateFile.startsWith('/') && keyFile.startsWith('/')
    return isPlace
      ? [{ certificateFile, keyFile, source: 'tls_certificate', endpoints: eximEndpoints(options) }]
      : []
  })
}

type Endpoint = CertificatePlace['endpoints'][number]

const portNames: Readonly<Record<string, number>> = {
  smtp: 25,
  smtps: 465,
  ssmtp: 465,
  submission: 587,
  submissions: 465,
}

/** The addresses at which it offers TLS; where it listens on all, IPv4's loopback stands for them. */
export function eximEndpoints(options: EximOptions): readonly Endpoint[] {
  const ports = portsIn(options.get('daemon_smtp_ports') ?? 'smtp')
  const wrapped = portsIn(options.get('tls_on_connect_ports') ?? '')
  const withoutIpv6 = options.has('disable_ipv6')
  const interfaces = listItems(options.get('local_interfaces') ?? '').filter(
    one => !(withoutIpv6 && one.includes(':')),
  )
  const hasAll = interfaces.includes('0.0.0.0')
  const own = interfaces.filter(one => !(hasAll && one.startsWith('::0')))
  const addresses = (own.length > 0 ? own : ['0.0.0.0']).flatMap(one => addressesOf(one, ports))
  const advertises = (options.get('tls_advertise_hosts') ?? '*') !== ''
  return addresses.flatMap(address => {
    if (wrapped.includes(address.port)) return [address]
    const startTls: StartTls = 'smtp'
    return advertises ? [{ ...address, startTls }] : []
  })
}

/** `192.0.2.1`, `192.0.2.1.26`, `2001:db8::1.26` or `[2001:db8::1]:26`. */
function addressesOf(text: string, ports: readonly number[]): readonly { host: string; port: number }[] {
  const [, host = text, port] =
    /^\[(.*)\]:(\d+)$/.exec(text) ??
    /^(\d+\.\d+\.\d+\.\d+)\.(\d+)$/.exec(text) ??
    /^(.*:.*)\.(\d+)$/.exec(text) ??
    []
  const bare = host === '::0' ? '::' : host
  return (port === undefined ? ports : [Number(port)]).map(one => ({ host: reachable(bare), port: one }))
}

function portsIn(list: string): readonly number[] {
  return listItems(list)
    .map(item => portNames[item] ?? Number(item))
    .filter(port => port > 0)
}
