/** TLS settings of Mosquitto. */
import type { HardenedServer } from '../server.ts'
import { when } from '../setting.ts'

export const mosquitto: HardenedServer = {
  name: 'mosquitto',
  title: 'Mosquitto',
  file: '/etc/mosquitto/conf.d/tls.conf',
  apply: 'systemctl restart mosquitto',
  oldest: { version: [2, 0, 11], library: { kind: 'openssl', version: [1, 1, 1] } },
  question: { programs: ['mosquitto'], args: ['-h'], version: /^mosquitto version (\d[\d.]*)/m },
  dhe: true,
  comment: '#',
  blocks: ({ tls, reasons, dhFile }) => [
    {
      place: 'below the "listener" line of every listener with a certificate',
      settings: [
        {
          // 1.1 is the lowest that it knows.
          text: `tls_version ${tls.lowest === 'TLSv1' ? 'tlsv1.1' : tls.lowest.toLowerCase()}`,
          why: `${reasons.protocols.why} It is the lowest version that is taken.`,
          cost: reasons.protocols.cost,
        },
        ...when(tls.cipherList !== undefined, { text: `ciphers ${tls.cipherList}`, ...reasons.ciphers }),
        ...when(tls.suites.length > 0, {
          text: `ciphers_tls1.3 ${tls.suites.join(':')}`,
          ...reasons.suites,
        }),
        ...(dhFile === undefined ? [] : [{ text: `dhparamfile ${dhFile}`, ...reasons.dhe }]),
      ],
    },
  ],
}
