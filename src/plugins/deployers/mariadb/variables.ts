/** The variables of MariaDB and MySQL, as a running one tells them and as the program prints those of its files. Pure. */
import { posix } from 'node:path'
import { reachable } from '../server/listen.ts'
import type { CertificatePlace } from '../server/place.ts'

/** By name, with underscores. */
export type Variables = ReadonlyMap<string, string>

export const variableNames = [
  'bind_address',
  'datadir',
  'port',
  'skip_networking',
  'ssl_cert',
  'ssl_key',
  'version',
] as const
type VariableName = (typeof variableNames)[number]

/** Reads rows of a name and a value with a tab between. */
export function parseRows(text: string): Variables {
  return new Map(text.split('\n').flatMap(line => pairOf(/^([^\t]+)\t(.*)$/.exec(line))))
}

/** Reads the table at the end of what `mariadbd --verbose --help` prints. */
export function parseHelp(text: string): Variables {
  const table = text.slice(text.search(/^-{8,} -{8,}/m))
  return new Map(table.split('\n').flatMap(line => pairOf(/^([a-z][a-z0-9-]*) +(.*?)\s*$/.exec(line))))
}

function pairOf(match: RegExpExecArray | null): readonly (readonly [name: string, value: string])[] {
  const [, name, value = ''] = match ?? []
  if (name === undefined) return []
  return [[name.replaceAll('-', '_'), value === '(No default value)' ? '' : value]]
}

/** Whether this is MariaDB; MySQL has other words for the same. */
export function isMariadb(variables: Variables): boolean {
  return /mariadb/i.test(valueOf(variables, 'version'))
}

/** Where the certificate is read and where it is served; `undefined` where none is configured. */
export function mariadbPlace(
  variables: Variables,
  { source }: { readonly source: string },
): CertificatePlace | undefined {
  const [certificate, key] = [valueOf(variables, 'ssl_cert'), valueOf(variables, 'ssl_key')]
  if (certificate === '' || key === '') return undefined
  const below = (path: string) => posix.resolve(valueOf(variables, 'datadir') || '/', path)
  const hasNetwork = !/^(on|true|1)$/i.test(valueOf(variables, 'skip_networking'))
  const addresses = hasNetwork ? (valueOf(variables, 'bind_address') || '*').split(',') : []
  return {
    certificateFile: below(certificate),
    keyFile: below(key),
    source,
    endpoints: addresses.map(address => ({
      host: reachable(address.trim()),
      port: Number(valueOf(variables, 'port')) || 3306,
      startTls: 'mysql',
    })),
  }
}

function valueOf(variables: Variables, name: VariableName): string {
  return variables.get(name) ?? ''
}
