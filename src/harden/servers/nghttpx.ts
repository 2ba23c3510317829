/** TLS settings of nghttpx. */
import { hstsReason, hstsValue } from '../hsts.ts'
import type { HardenedServer } from '../server.ts'
import { when } from '../setting.ts'

export const nghttpx: HardenedServer = {
  name: 'nghttpx',
  title: 'nghttpx',
  file: '/etc/nghttpx/nghttpx.conf',
  added: true,
  apply: 'systemctl reload nghttpx',
  oldest: { version: [1, 43], library: { kind: 'openssl', version: [1, 1, 1] } },
  question: { programs: ['nghttpx'], args: ['-v'], version: /nghttp2\/(\d[\d.]*)/ },
  web: true,
  dhe: true,
  comment: '#',
  blocks: ({ tls, reasons, hsts, dhFile }) => [
    {
      place: 'anywhere in nghttpx.conf; no blanks around "="',
      settings: [
        {
          text: `tls-min-proto-version=${tls.lowest.replace(/^TLSv1$/, 'TLSv1.0')}`,
          ...reasons.protocols,
        },
        {
          text: `tls-max-proto-version=${tls.protocols.at(-1) ?? tls.lowest}`,
          why: 'The newest that there is.',
        },
        ...when(tls.cipherList !== undefined, { text: `ciphers=${tls.cipherList}`, ...reasons.ciphers }),
        ...when(tls.suites.length > 0, {
          text: `tls13-ciphers=${tls.suites.join(':')}`,
          ...reasons.suites,
        }),
        { text: `ecdh-curves=${tls.groups.join(':')}`, ...reasons.groups },
        ...(dhFile === undefined ? [] : [{ text: `dh-param-file=${dhFile}`, ...reasons.dhe }]),
        ...(hsts === undefined
          ? []
          : [
              {
                text: `add-response-header=Strict-Transport-Security: ${hstsValue(hsts)}`,
                ...hstsReason(hsts),
              },
            ]),
      ],
    },
  ],
}
