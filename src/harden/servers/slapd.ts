/** TLS settings of OpenLDAP's slapd, with GnuTLS (as Debian builds it) or OpenSSL, as a change of cn=config. */
import { gnutlsPriority } from '../gnutls.ts'
import type { HardenedServer, Wanted } from '../server.ts'
import type { Setting } from '../setting.ts'

/** The version of TLS as it stands in the protocol, after SSL 3.0. */
const numbers = { TLSv1: '3.1', 'TLSv1.1': '3.2', 'TLSv1.2': '3.3', 'TLSv1.3': '3.4' } as const

export const slapd: HardenedServer = {
  name: 'slapd',
  title: 'OpenLDAP slapd',
  file: '/etc/ldap/tls.ldif',
  apply: 'ldapmodify -Y EXTERNAL -H ldapi:/// -f /etc/ldap/tls.ldif',
  oldest: { version: [2, 5, 0], library: { kind: 'openssl', version: [1, 1, 1] } },
  question: { programs: ['slapd'], args: ['-VV'], version: /slapd (\d[\d.]*)/ },
  comment: '#',
  blocks: wanted => [
    {
      place: 'given to ldapmodify; in a slapd.conf the names are without "olc"',
      settings: [
        { text: 'dn: cn=config\nchangetype: modify', why: 'The settings of the whole server.' },
        ...(wanted.library.kind === 'gnutls' ? gnutlsChanges(wanted) : opensslChanges(wanted)),
      ],
    },
  ],
}

function gnutlsChanges({ tls, reasons }: Wanted): readonly Setting[] {
  return [
    {
      text: change('olcTLSCipherSuite', gnutlsPriority(tls)),
      why: `Protocols, ciphers and groups in one, in the language of GnuTLS. ${reasons.protocols.why} ${reasons.ciphers.why}`,
      cost: reasons.protocols.cost,
    },
  ]
}

function opensslChanges({ tls, reasons }: Wanted): readonly Setting[] {
  return [
    { text: change('olcTLSProtocolMin', numbers[tls.lowest]), ...reasons.protocols },
    {
      // It gives names of TLS 1.3 in the same list to OpenSSL in the right way.
      text: change('olcTLSCipherSuite', [...tls.suites, ...(tls.cipherList?.split(':') ?? [])].join(':')),
      ...(tls.cipherList === undefined ? reasons.suites : reasons.ciphers),
    },
    { text: change('olcTLSECName', tls.groups.join(':')), ...reasons.groups },
  ]
}

function change(attribute: string, value: string): string {
  return `replace: ${attribute}\n${attribute}: ${value}\n-`
}
