/** TLS settings of FTP servers: ProFTPD (mod_tls) and vsftpd. */
import type { HardenedServer } from '../server.ts'
import { type Setting, when } from '../setting.ts'
import { atLeast } from '../version.ts'

export const proftpd: HardenedServer = {
  name: 'proftpd',
  title: 'ProFTPD',
  file: '/etc/proftpd/conf.d/tls-settings.conf',
  apply: 'proftpd -t && systemctl reload proftpd',
  oldest: { version: [1, 3, 7], library: { kind: 'openssl', version: [1, 1, 1] } },
  question: {
    programs: ['proftpd'],
    args: ['-v'],
    version: /ProFTPD Version (\d[\d.]*)/,
    linked: ['/usr/lib/proftpd/mod_tls.so', '/usr/libexec/proftpd/mod_tls.so'],
  },
  dhe: true,
  comment: '#',
  blocks: ({ tls, reasons, dhFile }) => [
    {
      place: 'in the main server or in a <VirtualHost>',
      open: '<IfModule mod_tls.c>',
      close: '</IfModule>',
      settings: [
        { text: `TLSProtocol ${tls.protocols.join(' ')}`, ...reasons.protocols },
        ...when(tls.cipherList !== undefined, {
          text: `TLSCipherSuite ${tls.cipherList}`,
          ...reasons.ciphers,
        }),
        ...when(tls.suites.length > 0, {
          text: `TLSCipherSuite TLSv1.3 ${tls.suites.join(':')}`,
          ...reasons.suites,
        }),
        { text: `TLSECDHCurve ${tls.groups.join(':')}`, ...reasons.groups },
        { text: `TLSServerCipherPreference ${tls.serverOrder ? 'on' : 'off'}`, ...reasons.order },
        { text: 'TLSSessionTickets off', ...reasons.tickets },
        ...(dhFile === undefined ? [] : [{ text: `TLSDHParamFile ${dhFile}`, ...reasons.dhe }]),
      ],
    },
  ],
}

/** A switch for each protocol; before, one for TLS altogether. */
const vsftpdHasSwitches = '3.0.5'
const vsftpdSwitches = {
  TLSv1: 'ssl_tlsv1',
  'TLSv1.1': 'ssl_tlsv1_1',
  'TLSv1.2': 'ssl_tlsv1_2',
  'TLSv1.3': 'ssl_tlsv1_3',
} as const

export const vsftpd: HardenedServer = {
  name: 'vsftpd',
  title: 'vsftpd',
  file: '/etc/vsftpd.conf',
  added: true,
  apply: 'systemctl restart vsftpd',
  oldest: { version: [3, 0, 3], library: { kind: 'openssl', version: [1, 1, 1] } },
  onlyTls13Since: vsftpdHasSwitches,
  // Asked with -v it answers on its standard input.
  question: { programs: ['vsftpd'], inside: /vsftpd: version (\d[\d.]*)/ },
  comment: '#',
  blocks: ({ version, tls, reasons }) => [
    {
      place: 'anywhere in vsftpd.conf; no blanks around "="',
      settings: [
        ...(atLeast(version, vsftpdHasSwitches)
          ? Object.entries(vsftpdSwitches).map(
              ([protocol, name]): Setting => ({
                text: `${name}=${tls.protocols.some(one => one === protocol) ? 'YES' : 'NO'}`,
                ...reasons.protocols,
              }),
            )
          : [
              { text: 'ssl_sslv2=NO\nssl_sslv3=NO', why: 'Both are broken for good (RFC 6176, RFC 7568).' },
              {
                text: 'ssl_tlsv1=YES',
                why: `All versions of TLS have one switch before ${vsftpdHasSwitches}; TLS 1.0 and 1.1 are shut out by the ciphers, none of which they know, in every profile but old.`,
              },
            ]),
        ...when(tls.cipherList !== undefined, {
          text: `ssl_ciphers=${tls.cipherList}`,
          ...reasons.ciphers,
        }),
      ],
    },
  ],
}
