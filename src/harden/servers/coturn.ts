/** TLS settings of coturn. */
import type { HardenedServer } from '../server.ts'
import { type Setting, when } from '../setting.ts'
import { atLeast } from '../version.ts'

/** From here on old protocols are switched on, not off. */
const oldAreOff = '4.7'
const protocols = { TLSv1: 'tlsv1', 'TLSv1.1': 'tlsv1_1', 'TLSv1.2': 'tlsv1_2' } as const
const older = ['TLSv1', 'TLSv1.1'] as const

export const coturn: HardenedServer = {
  name: 'coturn',
  title: 'coturn',
  file: '/etc/turnserver.conf',
  added: true,
  apply: 'systemctl restart coturn',
  oldest: { version: [4, 5, 2], library: { kind: 'openssl', version: [1, 1, 1] } },
  changedIn: oldAreOff,
  tls13Since: '4.6.2',
  question: {
    programs: ['turnserver'],
    args: ['--version'],
    version: /^(?:Version Coturn-)?(\d+\.\d+[\d.]*)/m,
  },
  dhe: true,
  comment: '#',
  blocks: ({ version, tls, reasons, dhFile }) => [
    {
      place: 'anywhere in turnserver.conf; it counts for TLS and DTLS',
      settings: [
        ...older
          .filter(protocol => tls.protocols.includes(protocol) === atLeast(version, oldAreOff))
          .map(
            (protocol): Setting => ({
              text: `${atLeast(version, oldAreOff) ? '' : 'no-'}${protocols[protocol]}`,
              ...reasons.protocols,
            }),
          ),
        ...when(!tls.protocols.includes('TLSv1.2'), { text: 'no-tlsv1_2', ...reasons.protocols }),
        ...when(tls.cipherList !== undefined, {
          text: `cipher-list="${tls.cipherList}"`,
          ...reasons.ciphers,
        }),
        ...(dhFile === undefined ? [] : [{ text: `dh-file="${dhFile}"`, ...reasons.dhe }]),
      ],
    },
  ],
}
