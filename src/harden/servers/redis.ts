/** TLS settings of Redis and Valkey. */
import type { HardenedServer } from '../server.ts'
import { when } from '../setting.ts'

export const redis: HardenedServer = {
  name: 'redis',
  title: 'Redis',
  file: '/etc/redis/tls.conf',
  apply: 'include it at the end of redis.conf; systemctl restart redis-server',
  oldest: { version: [6, 0, 0], library: { kind: 'openssl', version: [1, 1, 1] } },
  question: {
    programs: ['redis-server', 'valkey-server'],
    args: ['--version'],
    version: /\bv=(\d[\d.]*)/,
  },
  dhe: true,
  comment: '#',
  blocks: ({ tls, reasons, dhFile }) => [
    {
      place: 'anywhere in redis.conf',
      settings: [
        { text: `tls-protocols "${tls.protocols.join(' ')}"`, ...reasons.protocols },
        ...when(tls.cipherList !== undefined, { text: `tls-ciphers ${tls.cipherList}`, ...reasons.ciphers }),
        ...when(tls.suites.length > 0, {
          text: `tls-ciphersuites ${tls.suites.join(':')}`,
          ...reasons.suites,
        }),
        { text: `tls-prefer-server-ciphers ${tls.serverOrder ? 'yes' : 'no'}`, ...reasons.order },
        ...(dhFile === undefined ? [] : [{ text: `tls-dh-params-file ${dhFile}`, ...reasons.dhe }]),
      ],
    },
  ],
}
