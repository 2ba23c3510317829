/** Where Prosody reads certificates, and at which addresses it serves them. Pure. */
import { reachable } from '../server/listen.ts'
import type { CertificatePlace } from '../server/place.ts'
import type { Section } from './configuration.ts'

export type Found = {
  readonly sections: readonly Section[]
  /** Relative paths of the configuration begin here. */
  readonly directory: string
  /** The certificate of each host that Prosody could load. */
  readonly certificates: ReadonlyMap<string, string>
  /** Those of {@link candidatesIn} that exist. */
  readonly there: ReadonlySet<string>
}

/** A place for each host: what Prosody has loaded for it, else what it would look for. */
export function prosodyPlaces({
  sections,
  directory,
  certificates,
  there,
}: Found): readonly CertificatePlace[] {
  const everywhere = valuesOfAll(sections)
  const { withDialogue, direct } = endpointsIn(everywhere)
  const absolute = (path: string) => absoluteIn(directory, path)
  const hosts = hostsIn(sections).map(host => {
    const own = sections.filter(section => section.host === host).map(({ values }) => values)
    const setting = (name: string) =>
      [...own, everywhere].map(values => values.get(name)?.[0]).find(value => value !== undefined)
    const [certificate, key] = [setting('ssl.certificate'), setting('ssl.key')]
    const candidates = candidatesFor(host, sharedDirectory(sections, directory))
    const found = certificates.get(host) ?? candidates.find(path => there.has(path)) ?? candidates[0]
    const certificateFile = certificate === undefined ? found : absolute(certificate)
    const keyFile = key === undefined ? keyBeside(certificateFile) : absolute(key)
    // Where TLS comes first, a host has the certificate of the directory, whatever its own setting says.
    const endpoints = certificate === undefined ? [...withDialogue, ...direct] : withDialogue
    return { certificateFile, keyFile, names: [host], source: `host ${host}`, endpoints }
  })
  const service = 'c2s_direct_tls_ssl'
  const [certificateFile, keyFile] = ['certificate', 'key'].map(
    name => everywhere.get(`${service}.${name}`)?.[0],
  )
  if (certificateFile === undefined || keyFile === undefined) return hosts
  const files = { certificateFile: absolute(certificateFile), keyFile: absolute(keyFile) }
  return [...hosts, { ...files, source: service, endpoints: direct }]
}

/** Every file that Prosody would take for one of its hosts. */
export function candidatesIn(sections: readonly Section[], directory: string): readonly string[] {
  const shared = sharedDirectory(sections, directory)
  return hostsIn(sections).flatMap(host => candidatesFor(host, shared))
}

function hostsIn(sections: readonly Section[]): readonly string[] {
  return [...new Set(sections.flatMap(({ host }) => host ?? []))]
}

function sharedDirectory(sections: readonly Section[], directory: string): string {
  return absoluteIn(directory, valuesOfAll(sections).get('certificates')?.[0] ?? 'certs')
}

function absoluteIn(directory: string, path: string): string {
  return path.startsWith('/') ? path : `${directory}/${path}`
}

/** The names that Prosody tries in the directory of certificates, in its order. */
function candidatesFor(host: string, directory: string): readonly [string, ...string[]] {
  return [`${directory}/${host}.crt`, `${directory}/${host}/fullchain.pem`, `${directory}/${host}.pem`]
}

/** Where Prosody looks for the key of a certificate. */
function keyBeside(path: string): string {
  return path.replace(/\.crt$/, '.key').replace(/fullchain(?=[^/]*$)/, 'privkey')
}

/** The settings before the first host. */
export function valuesOfAll(sections: readonly Section[]): ReadonlyMap<string, readonly string[]> {
  return new Map(sections.filter(({ host }) => host === undefined).flatMap(({ values }) => [...values]))
}

type Addresses = CertificatePlace['endpoints']

/** Where clients connect to, and talk before TLS begins or do not. */
function endpointsIn(values: ReadonlyMap<string, readonly string[]>): {
  readonly withDialogue: Addresses
  readonly direct: Addresses
} {
  if (values.get('modules_disabled')?.includes('c2s') === true) return { withDialogue: [], direct: [] }
  const interfaces = values.get('c2s_interfaces') ?? values.get('interfaces') ?? ['*']
  // One address stands for all, because the same process answers.
  const addresses = interfaces.includes('*') ? ['*'] : interfaces
  const at = (ports: readonly string[]) =>
    addresses.flatMap(address => ports.map(port => ({ host: reachable(address), port: Number(port) })))
  const directPorts = ['c2s_direct_tls_ports', 'legacy_ssl_ports'].flatMap(name => values.get(name) ?? [])
  return {
    withDialogue: at(values.get('c2s_ports') ?? ['5222']).map(one => ({ ...one, startTls: 'xmpp' })),
    direct: at([...new Set(directPorts)]),
  }
}
