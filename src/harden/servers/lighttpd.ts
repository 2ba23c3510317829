/** TLS settings of lighttpd (mod_openssl). */
import { hstsReason, hstsValue } from '../hsts.ts'
import type { HardenedServer } from '../server.ts'
import { when } from '../setting.ts'

export const lighttpd: HardenedServer = {
  name: 'lighttpd',
  title: 'lighttpd',
  file: '/etc/lighttpd/conf-available/11-tls.conf',
  apply: 'lighttpd -tt -f /etc/lighttpd/lighttpd.conf && systemctl reload lighttpd',
  oldest: { version: [1, 4, 59], library: { kind: 'openssl', version: [1, 1, 1] } },
  question: {
    programs: ['lighttpd'],
    args: ['-v'],
    version: /lighttpd\/(\d[\d.]*)/,
    linked: ['/usr/lib/lighttpd/mod_openssl.so', '/usr/lib64/lighttpd/mod_openssl.so'],
  },
  web: true,
  dhe: true,
  comment: '#',
  blocks: ({ tls, reasons, hsts, dhFile }) => [
    {
      place: 'outside of conditions, where it is for all sockets',
      open: 'ssl.openssl.ssl-conf-cmd = (',
      close: ')',
      settings: [
        { text: `"MinProtocol" => "${tls.lowest}",`, ...reasons.protocols },
        ...when(tls.cipherList !== undefined, {
          text: `"CipherString" => "${tls.cipherList}",`,
          ...reasons.ciphers,
        }),
        ...when(tls.suites.length > 0, {
          text: `"Ciphersuites" => "${tls.suites.join(':')}",`,
          ...reasons.suites,
        }),
        { text: `"Groups" => "${tls.groups.join(':')}",`, ...reasons.groups },
        ...(dhFile === undefined ? [] : [{ text: `"DHParameters" => "${dhFile}",`, ...reasons.dhe }]),
        { text: `"Options" => "${tls.serverOrder ? '' : '-'}ServerPreference"`, ...reasons.order },
      ],
    },
    ...(hsts === undefined
      ? []
      : [
          {
            place: 'the same; it needs mod_setenv in server.modules',
            open: '$HTTP["scheme"] == "https" {',
            close: '}',
            settings: [
              {
                text: `setenv.set-response-header += ( "Strict-Transport-Security" => "${hstsValue(hsts)}" )`,
                ...hstsReason(hsts),
              },
            ],
          },
        ]),
  ],
}
