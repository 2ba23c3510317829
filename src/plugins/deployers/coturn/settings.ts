/** What stands in `turnserver.conf`. Pure. */
import { posix } from 'node:path'
import { reachable } from '../server/listen.ts'
import type { CertificatePlace } from '../server/place.ts'

/** Every value of each name, in order. */
export type Settings = ReadonlyMap<string, readonly string[]>

const usualTlsPort = 5349

/** Names alone, or with a value behind a sign of equality or a space; values may be quoted. */
export function parseSettings(text: string): Settings {
  const settings = new Map<string, readonly string[]>()
  for (const line of text.split('\n')) {
    const [, name, value = ''] = /^\s*-*([A-Za-z][\w-]*)(?:\s*[=\s]\s*(.*?))?\s*$/.exec(line) ?? []
    if (name === undefined) continue
    settings.set(name, [...(settings.get(name) ?? []), value.replace(/^"(.*)"$/, '$1')])
  }
  return settings
}

/** Where the certificate is read and where it is served; `undefined` where there is none or TLS is off. */
export function coturnPlace(
  settings: Settings,
  { source }: { readonly source: string },
): CertificatePlace | undefined {
  const last = (name: string) => settings.get(name)?.at(-1) ?? ''
  const [certificate, key] = [last('cert'), last('pkey')]
  const isOff = settings.has('no-tls') && !/^(0|no|off|false)$/i.test(last('no-tls'))
  if (certificate === '' || key === '' || isOff) return undefined
  const port = Number(last('tls-listening-port')) || usualTlsPort
  const addresses = (settings.get('listening-ip') ?? []).filter(address => address !== '')
  return {
    certificateFile: posix.resolve('/', certificate),
    keyFile: posix.resolve('/', key),
    source,
    endpoints: (addresses.length > 0 ? addresses : ['*']).map(address => ({
      host: reachable(address),
      port,
    })),
  }
}
