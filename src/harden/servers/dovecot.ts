/** TLS settings of Dovecot, which renamed some of them in 2.4. */
import type { HardenedServer } from '../server.ts'
import { when } from '../setting.ts'
import { atLeast } from '../version.ts'

const renamed = '2.4'

export const dovecot: HardenedServer = {
  name: 'dovecot',
  title: 'Dovecot',
  file: '/etc/dovecot/conf.d/99-tls.conf',
  apply: 'doveconf -n > /dev/null && doveadm reload',
  oldest: { version: [2, 3, 16], library: { kind: 'openssl', version: [1, 1, 1] } },
  changedIn: renamed,
  question: {
    programs: ['dovecot'],
    args: ['--version'],
    version: /^(\d[\d.]*)/m,
    linked: [
      '/usr/lib/dovecot/modules/libssl_iostream_openssl.so',
      '/usr/lib64/dovecot/libssl_iostream_openssl.so',
      '/usr/lib/dovecot/imap-login',
      '/usr/libexec/dovecot/imap-login',
    ],
  },
  dhe: true,
  comment: '#',
  blocks: ({ version, tls, reasons, dhFile }) => [
    {
      place: 'outside of any section',
      settings: [
        { text: `ssl_min_protocol = ${tls.lowest}`, ...reasons.protocols },
        ...when(tls.cipherList !== undefined, {
          text: `ssl_cipher_list = ${tls.cipherList}`,
          ...reasons.ciphers,
        }),
        ...when(tls.suites.length > 0, {
          text: `ssl_cipher_suites = ${tls.suites.join(':')}`,
          ...reasons.suites,
        }),
        { text: `ssl_curve_list = ${tls.groups.join(':')}`, ...reasons.groups },
        {
          text: atLeast(version, renamed)
            ? `ssl_server_prefer_ciphers = ${tls.serverOrder ? 'server' : 'client'}`
            : `ssl_prefer_server_ciphers = ${tls.serverOrder ? 'yes' : 'no'}`,
          ...reasons.order,
        },
        ...(dhFile === undefined
          ? []
          : [
              {
                text: atLeast(version, renamed) ? `ssl_server_dh_file = ${dhFile}` : `ssl_dh = <${dhFile}`,
                ...reasons.dhe,
              },
            ]),
      ],
    },
  ],
}
