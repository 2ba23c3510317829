/** The configuration of nghttpx. Pure. */
import { reachable } from '../server/listen.ts'
import type { CertificatePlace } from '../server/place.ts'

/** A line: `key=value`. */
export type Option = { readonly key: string; readonly value: string; readonly source: string }

export type Parsed = {
  readonly options: readonly Option[]
  /** The first line that nghttpx would not accept. */
  readonly mistake?: string
}

/** Reads one file; what it includes is an option like any other. */
export function parseOptions(text: string, path: string): Parsed {
  const options: Option[] = []
  let mistake: string | undefined
  for (const [index, line] of text.split('\n').entries()) {
    const source = `${path}:${index + 1}`
    if (line === '' || line.startsWith('#')) continue
    const at = line.indexOf('=')
    if (at > 0) options.push({ key: line.slice(0, at), value: line.slice(at + 1), source })
    else mistake ??= `${source} has no "="`
  }
  return { options, ...(mistake !== undefined && { mistake }) }
}

/** What was said last of an option that counts once. */
export function lastValue(options: readonly Option[], wanted: string): string | undefined {
  return options.findLast(({ key }) => key === wanted)?.value
}

/**
 * The certificates, every one of which is served at every frontend with TLS: that whose names fit, else that of
 * `certificate-file`.
 */
export function nghttpxPlaces(options: readonly Option[]): readonly CertificatePlace[] {
  const frontends = options.filter(({ key }) => key === 'frontend').map(({ value }) => value)
  const endpoints = (frontends.length > 0 ? frontends : ['*,3000']).flatMap(toEndpoint)
  const certificate = options.findLast(({ key }) => key === 'certificate-file')
  const keyFile = lastValue(options, 'private-key-file')
  const general =
    certificate === undefined || keyFile === undefined
      ? []
      : [{ certificateFile: certificate.value, keyFile, source: certificate.source, endpoints }]
  const others = options.flatMap(({ key, value, source }) => {
    const [, keyPath, certificateFile] = /^([^:;]+):([^;]+)/.exec(value) ?? []
    return key === 'subcert' && keyPath !== undefined && certificateFile !== undefined
      ? [{ certificateFile, keyFile: keyPath, source, endpoints }]
      : []
  })
  return [...general, ...others].filter(
    place =>
      endpoints.length > 0 && [place.certificateFile, place.keyFile].every(path => path.startsWith('/')),
  )
}

/** `HOST,PORT;PARAMETER;...`; nothing for sockets in the file system, QUIC, and what is without TLS. */
function toEndpoint(text: string): CertificatePlace['endpoints'] {
  const [address = '', ...parameters] = text.split(';').map(part => part.trim().toLowerCase())
  const [, host, port] = /^([^,]*),(\d+)$/.exec(address) ?? []
  if (host === undefined || parameters.includes('no-tls') || parameters.includes('quic')) return []
  return [
    {
      host: reachable(host),
      port: Number(port),
      ...(parameters.includes('proxyproto') && { proxyProtocol: true }),
    },
  ]
}
