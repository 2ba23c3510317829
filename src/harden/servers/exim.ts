/** TLS settings of Exim, with GnuTLS (as Debian builds it) or OpenSSL. */
import { gnutlsPriority } from '../gnutls.ts'
import type { HardenedServer, Wanted } from '../server.ts'
import { type Setting, when } from '../setting.ts'
import { atLeast } from '../version.ts'

/** Before, one curve alone. */
const takesGroups = '4.97'
const switches = { TLSv1: 'tlsv1', 'TLSv1.1': 'tlsv1_1', 'TLSv1.2': 'tlsv1_2' } as const
const oldest = ['TLSv1', 'TLSv1.1', 'TLSv1.2'] as const

export const exim: HardenedServer = {
  name: 'exim',
  title: 'Exim',
  file: '/etc/exim4/conf.d/main/00_certwright_tls',
  apply: 'update-exim4.conf && systemctl reload exim4',
  oldest: { version: [4, 95], library: { kind: 'openssl', version: [1, 1, 1] } },
  question: { programs: ['exim4', 'exim'], args: ['-bV'], version: /^Exim version (\d[\d.]*)/m },
  dhe: true,
  comment: '#',
  blocks: wanted => [
    {
      place:
        'in the main part of the configuration, before the first line that begins with "begin"; the file named above is of the split configuration of Debian',
      settings: [
        ...(wanted.library.kind === 'gnutls' ? gnutlsSettings(wanted) : opensslSettings(wanted)),
        // The names of RFC 7919 are known to it, so no file is needed.
        ...when(wanted.dhFile !== undefined, { text: 'tls_dhparam = ffdhe2048', ...wanted.reasons.dhe }),
      ],
    },
  ],
}

function gnutlsSettings({ tls, reasons }: Wanted): readonly Setting[] {
  return [
    {
      text: `tls_require_ciphers = ${gnutlsPriority(tls)}`,
      why: `Protocols, ciphers and groups in one, in the language of GnuTLS. ${reasons.protocols.why} ${reasons.ciphers.why}`,
      cost: `${cost(reasons)} What Exim sends is not touched.`,
    },
  ]
}

function opensslSettings({ version, tls, reasons }: Wanted): readonly Setting[] {
  const off = oldest.filter(protocol => !tls.protocols.includes(protocol)).map(one => switches[one])
  const [group = 'prime256v1'] = tls.groups.filter(name => name.startsWith('prime'))
  return [
    {
      text: `openssl_options = ${['+no_sslv2', '+no_sslv3', ...off.map(name => `+no_${name}`), '+no_compression', tls.serverOrder ? '+cipher_server_preference' : '-cipher_server_preference'].join(' ')}`,
      why: `${reasons.protocols.why} ${reasons.order.why}`,
      cost: `${cost(reasons)} The line counts for what Exim sends, too.`,
    },
    ...when(tls.cipherList !== undefined, {
      text: `tls_require_ciphers = ${tls.cipherList}`,
      ...reasons.ciphers,
    }),
    {
      text: `tls_eccurve = ${atLeast(version, takesGroups) ? tls.groups.join(':') : group}`,
      ...reasons.groups,
    },
  ]
}

function cost({ protocols }: Wanted['reasons']): string {
  return `A server that knows only older versions sends in plain text or not at all. ${protocols.cost ?? ''}`
}
