/** TLS settings of Apache httpd (mod_ssl). */
import { hstsReason, hstsValue } from '../hsts.ts'
import type { HardenedServer } from '../server.ts'
import { when } from '../setting.ts'
import { atLeast } from '../version.ts'

/** Cipher suites of TLS 1.3 can be named from here on. */
const namesSuites = '2.4.36'

export const apache: HardenedServer = {
  name: 'apache',
  title: 'Apache httpd',
  file: '/etc/apache2/conf-available/tls.conf',
  apply: 'apachectl configtest && apachectl graceful',
  oldest: { version: [2, 4, 37], library: { kind: 'openssl', version: [1, 1, 1] } },
  tls13Since: '2.4.36',
  question: {
    programs: ['apache2', 'httpd', 'apachectl'],
    args: ['-v'],
    version: /Apache\/(\d[\d.]*)/,
    linked: [
      '/usr/lib/apache2/modules/mod_ssl.so',
      '/usr/lib64/httpd/modules/mod_ssl.so',
      '/usr/lib/httpd/modules/mod_ssl.so',
      '/usr/local/libexec/apache24/mod_ssl.so',
    ],
  },
  web: true,
  dhe: true,
  comment: '#',
  blocks: ({ version, tls, reasons, hsts, staple, dhFile }) => [
    {
      place:
        'outside virtual hosts, or in every <VirtualHost> that serves https (the first one for an address decides about protocols)',
      settings: [
        {
          text: `SSLProtocol -all ${tls.protocols.map(protocol => `+${protocol}`).join(' ')}`,
          ...reasons.protocols,
        },
        ...when(tls.cipherList !== undefined, {
          text: `SSLCipherSuite ${tls.cipherList}`,
          ...reasons.ciphers,
        }),
        ...when(tls.suites.length > 0 && atLeast(version, namesSuites), {
          text: `SSLCipherSuite TLSv1.3 ${tls.suites.join(':')}`,
          ...reasons.suites,
        }),
        { text: `SSLOpenSSLConfCmd Curves ${tls.groups.join(':')}`, ...reasons.groups },
        { text: `SSLHonorCipherOrder ${tls.serverOrder ? 'on' : 'off'}`, ...reasons.order },
        { text: 'SSLSessionTickets off', ...reasons.tickets },
        ...(dhFile === undefined
          ? []
          : [{ text: `SSLOpenSSLConfCmd DHParameters "${dhFile}"`, ...reasons.dhe }]),
        ...when(staple, { text: 'SSLUseStapling on', ...reasons.stapling }),
        ...(hsts === undefined
          ? []
          : [
              {
                text: `Header always set Strict-Transport-Security "${hstsValue(hsts)}" "expr=%{HTTPS} == 'on'"`,
                why: `${hstsReason(hsts).why} It needs mod_headers: a2enmod headers.`,
                cost: hstsReason(hsts).cost,
              },
            ]),
      ],
    },
    ...(staple
      ? [
          {
            place: 'once, outside virtual hosts (SSLUseStapling is refused without it)',
            apart: true as const,
            settings: [
              {
                text: 'SSLStaplingCache shmcb:certwright_stapling(131072)',
                why: 'Where the proofs are kept between requests, below DefaultRuntimeDir.',
              },
            ],
          },
        ]
      : []),
  ],
}
