/** Where the services of Postfix listen, and whether they speak TLS there. Pure. */
import { reachable } from '../server/listen.ts'
import type { CertificatePlace } from '../server/place.ts'
import type { Parameters, Service } from './postconf.ts'

type Endpoint = CertificatePlace['endpoints'][number]

/** What is known by name where Postfix is too old to say it: before version 3.6. */
const usualPorts = 'lmtp=24, smtp=25, smtps=submissions=465, submission=587'

/** The addresses at which a service offers TLS; none for one that does not. */
export function tlsEndpoints({ name, type, command, parameters }: Service): readonly Endpoint[] {
  if (type !== 'inet' || (command !== 'smtpd' && command !== 'postscreen') || !offersTls(parameters))
    return []
  const colon = name.lastIndexOf(':')
  const port = portOf(name.slice(colon + 1), parameters)
  if (port === undefined) return []
  const hosts = colon > 0 ? [name.slice(0, colon)] : interfaces(parameters)
  const isWrapped = parameters.get('smtpd_tls_wrappermode') === 'yes'
  const proxy = parameters.get(`${command}_upstream_proxy_protocol`)
  return hosts.map(host => ({
    ...{ host: reachable(host), port },
    ...(!isWrapped && { startTls: 'smtp' as const }),
    ...(proxy === 'haproxy' && { proxyProtocol: true }),
  }))
}

/** As smtpd reads its settings: the level, and where there is none the older three. */
function offersTls(parameters: Parameters): boolean {
  const level = parameters.get('smtpd_tls_security_level') ?? ''
  if (level !== '') return level !== 'none'
  return ['smtpd_use_tls', 'smtpd_enforce_tls', 'smtpd_tls_wrappermode'].some(
    name => parameters.get(name) === 'yes',
  )
}

function portOf(name: string, parameters: Parameters): number | undefined {
  if (/^\d+$/.test(name)) return Number(name)
  const known = (parameters.get('known_tcp_ports') ?? usualPorts).split(/[\s,]+/)
  const names = known.map(one => one.split('=')).find(one => one.includes(name))
  const port = Number(names?.at(-1))
  return port > 0 ? port : undefined
}

/** One address stands for all where it listens on all, because the same processes answer. */
function interfaces(parameters: Parameters): readonly string[] {
  const all = (parameters.get('inet_interfaces') ?? 'all').split(/[\s,]+/)
  const loopback = parameters.get('inet_protocols') === 'ipv6' ? '::1' : '127.0.0.1'
  return all.map(one => (one === 'all' || one === 'loopback-only' || one === 'localhost' ? loopback : one))
}
