/** The settings of PostgreSQL, as it tells them and as they stand in its files; what follows from them. Pure. */
import { posix } from 'node:path'
import { reachable } from '../server/listen.ts'
import type { CertificatePlace } from '../server/place.ts'

/** By name, lower case. */
export type Settings = ReadonlyMap<string, string>

/** A line of a configuration file. `include`, `include_if_exists` and `include_dir` are not settings, but written the same. */
export type ConfigLine = { readonly name: string; readonly value: string }

/** What is to be known, and what PostgreSQL does where it is not set. */
const usual = {
  ssl: 'off',
  ssl_cert_file: 'server.crt',
  ssl_key_file: 'server.key',
  listen_addresses: 'localhost',
  port: '5432',
  data_directory: '',
} as const
export type SettingName = keyof typeof usual
export const settingNames = Object.keys(usual)

/** The value that a setting has. */
export function settingOf(settings: Settings, name: SettingName): string {
  return settings.get(name) ?? usual[name]
}

/** The lines of a configuration file that say something: `name = value`, the sign of equality is optional. */
export function parseConfig(text: string): readonly ConfigLine[] {
  const line =
    /^[ \t]*([A-Za-z_][\w.$]*)[ \t]*(?:=[ \t]*|[ \t])(?:'((?:[^'\\\n]|''|\\.)*)'|([^\s#'=][^\s#']*))/gm
  return [...text.matchAll(line)].map(([, name = '', quoted, bare = '']) => ({
    name: name.toLowerCase(),
    value: quoted?.replace(/''|\\(.)/g, (_, escaped: string | undefined) => escaped ?? "'") ?? bare,
  }))
}

/** Whether TLS is switched on. */
export function hasTls(settings: Settings): boolean {
  return /^(?:on?|t(?:r(?:ue?)?)?|y(?:es?)?|1)$/i.test(settingOf(settings, 'ssl'))
}

/** Where the certificate is read and where it is served. */
export function postgresqlPlace(
  settings: Settings,
  { source }: { readonly source: string },
): CertificatePlace {
  const below = (path: string) => posix.resolve(settingOf(settings, 'data_directory') || '/', path)
  const addresses = settingOf(settings, 'listen_addresses')
    .split(',')
    .map(address => address.trim())
    .filter(address => address !== '')
  return {
    certificateFile: below(settingOf(settings, 'ssl_cert_file')),
    keyFile: below(settingOf(settings, 'ssl_key_file')),
    source,
    endpoints: addresses.map(address => ({
      host: reachable(address),
      port: Number(settingOf(settings, 'port')),
      startTls: 'postgres',
    })),
  }
}
