/** The settings of Redis and Valkey, as a running one tells them and as they stand in its file. Pure. */
import { posix } from 'node:path'
import { reachable } from '../server/listen.ts'
import type { CertificatePlace } from '../server/place.ts'

/** By name. */
export type Settings = ReadonlyMap<string, string>

/** What is to be known, and what counts where it is not set. */
const usual = { bind: '', dir: '', 'tls-cert-file': '', 'tls-key-file': '', 'tls-port': '0' } as const
type SettingName = keyof typeof usual
export const settingNames = Object.keys(usual)

/** Reads answers to `CONFIG GET`: a name on a line, its value on the next; a name that is not known answers an empty line. */
export function parseAnswers(text: string): Settings {
  const found = new Map<string, string>()
  let name: string | undefined
  for (const line of text.split('\n')) {
    if (name !== undefined) {
      found.set(name, line)
      name = undefined
    } else if (settingNames.includes(line)) name = line
  }
  return found
}

/** Reads lines of a name and words, which may be quoted; later ones count. */
export function parseConfig(text: string): readonly (readonly [name: string, value: string])[] {
  return text.split('\n').flatMap(line => {
    const [, name, rest = ''] = /^\s*([A-Za-z][\w-]*)\s+(.*?)\s*$/.exec(line) ?? []
    if (name === undefined) return []
    const value = rest.replace(/"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'/g, (_, double, single) =>
      String(double ?? single).replace(/\\(.)/g, '$1'),
    )
    return [[name.toLowerCase(), value] as const]
  })
}

/** Where the certificate is read and where it is served; `undefined` where TLS is off. */
export function redisPlace(
  settings: Settings,
  { source }: { readonly source: string },
): CertificatePlace | undefined {
  const valueOf = (name: SettingName) => settings.get(name) ?? usual[name]
  const [certificate, key] = [valueOf('tls-cert-file'), valueOf('tls-key-file')]
  const port = Number(valueOf('tls-port'))
  if (certificate === '' || key === '' || !(port > 0)) return undefined
  const below = (path: string) => posix.resolve(valueOf('dir') || '/', path)
  return {
    certificateFile: below(certificate),
    keyFile: below(key),
    source,
    endpoints: addressesIn(valueOf('bind')).map(address => ({ host: reachable(address), port })),
  }
}

/** Those with a minus sign need not be there, so they are not looked at unless there are no others. */
function addressesIn(bind: string): readonly string[] {
  const all = bind.split(/\s+/).filter(address => address !== '')
  const needed = all.filter(address => !address.startsWith('-'))
  const meant = needed.length > 0 ? needed : all.slice(0, 1).map(address => address.slice(1))
  return meant.length > 0 ? meant : ['*']
}
