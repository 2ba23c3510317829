/** TLS settings of HAProxy, for what it serves; connections to backends are left alone. */
import { hstsReason, hstsValue } from '../hsts.ts'
import type { HardenedServer } from '../server.ts'
import { when } from '../setting.ts'
import { atLeast } from '../version.ts'

/** One line for all certificates; before, each had to be listed in a crt-list. */
const updatesOcsp = '3.0'

export const haproxy: HardenedServer = {
  name: 'haproxy',
  title: 'HAProxy',
  file: '/etc/haproxy/haproxy.cfg',
  added: true,
  apply: 'haproxy -c -f /etc/haproxy/haproxy.cfg && systemctl reload haproxy',
  oldest: { version: [2, 4, 0], library: { kind: 'openssl', version: [1, 1, 1] } },
  question: {
    programs: ['haproxy'],
    args: ['-vv'],
    version: /version (\d[\d.]*)/,
    openssl: /^Running on OpenSSL version : OpenSSL (\d[\d.]*)/gm,
  },
  web: true,
  dhe: true,
  comment: '#',
  blocks: ({ version, tls, reasons, hsts, staple, dhFile }) => [
    {
      place: 'in the global section, or as it is: there may be several',
      open: 'global',
      settings: [
        {
          text: `ssl-default-bind-options ssl-min-ver ${tls.lowest.replace(/^TLSv1$/, 'TLSv1.0')} no-tls-tickets${tls.serverOrder ? '' : ' prefer-client-ciphers'}`,
          why: `${reasons.protocols.why} Session tickets are off: their keys would stay the same until a reload. ${reasons.order.why}`,
          cost: reasons.protocols.cost,
        },
        ...when(tls.cipherList !== undefined, {
          text: `ssl-default-bind-ciphers ${tls.cipherList}`,
          ...reasons.ciphers,
        }),
        ...when(tls.suites.length > 0, {
          text: `ssl-default-bind-ciphersuites ${tls.suites.join(':')}`,
          ...reasons.suites,
        }),
        { text: `ssl-default-bind-curves ${tls.groups.join(':')}`, ...reasons.groups },
        ...(dhFile === undefined ? [] : [{ text: `ssl-dh-param-file ${dhFile}`, ...reasons.dhe }]),
        ...when(staple && atLeast(version, updatesOcsp), {
          text: 'ocsp-update.mode on',
          ...reasons.stapling,
        }),
      ],
    },
    ...(hsts === undefined
      ? []
      : [
          {
            place: 'in every frontend that serves https',
            apart: true as const,
            settings: [
              {
                text: `http-after-response set-header Strict-Transport-Security ${hstsValue(hsts)}`,
                ...hstsReason(hsts),
              },
            ],
          },
        ]),
  ],
}
