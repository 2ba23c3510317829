/** The configuration of vsftpd. Pure. */
import { reachable } from '../server/listen.ts'
import type { CertificatePlace } from '../server/place.ts'

export type Settings = {
  readonly values: ReadonlyMap<string, string>
  /** The first line that vsftpd would not accept. */
  readonly mistake?: string
}

/** Reads `setting=value` lines; what was said last counts. */
export function parseSettings(text: string, path: string): Settings {
  const values = new Map<string, string>()
  let mistake: string | undefined
  for (const [index, line] of text.split('\n').entries()) {
    if (/^\s*(#|$)/.test(line)) continue
    const [, key, value = ''] = /^([a-z0-9_]+)=(.*)$/.exec(line) ?? []
    if (key === undefined) mistake ??= `${path}:${index + 1} is not of the form setting=value`
    else values.set(key, value)
  }
  return { values, ...(mistake !== undefined && { mistake }) }
}

/** Whether something is switched on. */
export function isOn({ values }: Settings, name: string): boolean {
  return /^(yes|true|1)$/i.test(values.get(name) ?? '')
}

/** It is started for each connection by somebody else who listens. */
export function isStartedByOthers(settings: Settings): boolean {
  return !isOn(settings, 'listen') && !isOn(settings, 'listen_ipv6')
}

/** The certificates, an RSA one and one of the other kind. */
export function vsftpdPlaces(settings: Settings, source: string): readonly CertificatePlace[] {
  const { values } = settings
  if (!isOn(settings, 'ssl_enable')) return []
  const isIpv6 = isOn(settings, 'listen_ipv6')
  const host = reachable(values.get(isIpv6 ? 'listen_address6' : 'listen_address') ?? (isIpv6 ? '::' : ''))
  const startTls = isOn(settings, 'implicit_ssl') ? {} : ({ startTls: 'ftp' } as const)
  const endpoints = [{ host, port: Number(values.get('listen_port') ?? 21), ...startTls }]
  const kinds = ['rsa', 'dsa'].filter(kind => values.get(`${kind}_cert_file`)?.startsWith('/') === true)
  return kinds.map(kind => {
    const certificateFile = values.get(`${kind}_cert_file`) ?? ''
    return {
      certificateFile,
      keyFile: values.get(`${kind}_private_key_file`) ?? certificateFile,
      ...(kinds.length > 1 && { foreign: 'which stands beside one of another kind: name live/ for both' }),
      source,
      endpoints,
    }
  })
}
