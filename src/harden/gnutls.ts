/** A profile as a priority string of GnuTLS. */
import type { FittedTls } from './fitted.ts'

const groupNames = new Map([
  ['X25519', 'GROUP-X25519'],
  ['prime256v1', 'GROUP-SECP256R1'],
  ['secp384r1', 'GROUP-SECP384R1'],
])
const protocolNames = {
  TLSv1: 'VERS-TLS1.0',
  'TLSv1.1': 'VERS-TLS1.1',
  'TLSv1.2': 'VERS-TLS1.2',
  'TLSv1.3': 'VERS-TLS1.3',
} as const

/** Everything is named that is allowed; nothing is taken from the sets of GnuTLS, which change with its versions. */
export function gnutlsPriority(tls: FittedTls): string {
  const old = tls.lowest === 'TLSv1'
  const some = (condition: boolean, ...names: readonly string[]) => (condition ? names : [])
  const names = [
    ...tls.protocols.toReversed().map(protocol => protocolNames[protocol]),
    ...some(tls.ciphers.length > 0, 'ECDHE-ECDSA', 'ECDHE-RSA'),
    ...some(
      tls.ciphers.some(name => name.startsWith('DHE-')),
      'DHE-RSA',
      'GROUP-FFDHE2048',
    ),
    ...some(old, 'RSA'),
    ...['AES-128-GCM', 'AES-256-GCM', 'CHACHA20-POLY1305'],
    ...some(old, 'AES-128-CBC', 'AES-256-CBC', '3DES-CBC'),
    'AEAD',
    ...some(old, 'SHA256', 'SHA384', 'SHA1'),
    ...tls.groups.flatMap(group => groupNames.get(group) ?? []),
    ...['SIGN-ALL', 'CTYPE-X509', 'COMP-NULL'],
  ]
  return [
    'NONE',
    ...names.map(name => `+${name}`),
    ...some(tls.serverOrder, '%SERVER_PRECEDENCE'),
    // SHA-1 signatures of TLS 1.0 and 1.1 are below the usual level.
    ...some(old, '%VERIFY_ALLOW_SIGN_WITH_SHA1'),
  ].join(':')
}
