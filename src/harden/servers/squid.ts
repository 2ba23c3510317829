/** TLS settings of Squid where it serves https. */
import type { HardenedServer } from '../server.ts'
import { when } from '../setting.ts'

const lowest = { TLSv1: '1.0', 'TLSv1.1': '1.1', 'TLSv1.2': '1.2', 'TLSv1.3': '1.3' } as const

export const squid: HardenedServer = {
  name: 'squid',
  title: 'Squid',
  file: '/etc/squid/squid.conf',
  added: true,
  apply: 'squid -k parse && squid -k reconfigure',
  oldest: { version: [5, 0], library: { kind: 'openssl', version: [1, 1, 1] } },
  question: {
    programs: ['squid'],
    args: ['-v'],
    version: /Version (\d[\d.]*)/,
    openssl: /binary uses OpenSSL (\d[\d.]*)/g,
  },
  dhe: true,
  comment: '#',
  blocks: ({ tls, reasons, dhFile }) => [
    {
      place: 'at the end of the https_port line, all in one line',
      apart: true,
      settings: [
        { text: `tls-min-version=${lowest[tls.lowest]}`, ...reasons.protocols },
        ...when(tls.cipherList !== undefined, { text: `cipher=${tls.cipherList}`, ...reasons.ciphers }),
        {
          text: `options=NO_TICKET${tls.serverOrder ? ',CIPHER_SERVER_PREFERENCE' : ''}`,
          why: `${reasons.tickets.why} ${reasons.order.why}`,
        },
        ...(dhFile === undefined ? [] : [{ text: `tls-dh=prime256v1:${dhFile}`, ...reasons.dhe }]),
      ],
    },
  ],
}
