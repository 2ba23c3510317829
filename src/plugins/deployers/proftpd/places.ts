/** Where ProFTPD reads certificates and at which addresses it serves them. Pure. */

import type { Scopes } from '../apache/directives.ts'
import { reachable } from '../server/listen.ts'
import type { CertificatePlace } from '../server/place.ts'

const kinds = ['rsa', 'ec', 'dsa']

/** The certificates of the main server and of virtual hosts, as far as they speak TLS. */
export function proftpdPlaces({ main, hosts }: Scopes): readonly CertificatePlace[] {
  const common = hosts.filter(({ kind }) => kind === 'global')
  const own = hosts.filter(({ kind }) => kind === 'virtualhost')
  return [main, ...own].flatMap(host => {
    const setting = (name: string) =>
      [host, ...common].flatMap(scope => scope.settings.get(name)?.at(-1) ?? [])
    if (setting('tlsengine')[0]?.toLowerCase() !== 'on') return []
    const chainFile = setting('tlscertificatechainfile')[0]
    const isImplicit = setting('tlsoptions').some(option => option.toLowerCase() === 'useimplicitssl')
    const port = Number(setting('port')[0] ?? 21)
    const addresses = host === main ? (main.settings.get('defaultaddress')?.at(-1) ?? ['*']) : host.addresses
    const found = kinds.filter(kind => setting(`tls${kind}certificatefile`)[0]?.startsWith('/') === true)
    return found.map(kind => {
      const [certificateFile = ''] = setting(`tls${kind}certificatefile`)
      return {
        certificateFile,
        keyFile: setting(`tls${kind}certificatekeyfile`)[0] ?? certificateFile,
        ...(chainFile !== undefined && { chainFile }),
        ...(found.length > 1 && { foreign: 'which stands beside one of another kind: name live/ for both' }),
        source: host.source,
        endpoints:
          port === 0
            ? []
            : addresses.map(address => ({
                ...{ host: reachable(address), port },
                ...(!isImplicit && ({ startTls: 'ftp' } as const)),
              })),
      }
    })
  })
}
