/** TLS settings of stunnel. */
import { securityLevelFor } from '../library.ts'
import type { HardenedServer } from '../server.ts'
import { when } from '../setting.ts'

export const stunnel: HardenedServer = {
  name: 'stunnel',
  title: 'stunnel',
  file: '/etc/stunnel/stunnel.conf',
  added: true,
  apply: 'systemctl reload stunnel4',
  oldest: { version: [5, 56], library: { kind: 'openssl', version: [1, 1, 1] } },
  question: {
    programs: ['stunnel4', 'stunnel'],
    args: ['-version'],
    version: /stunnel (\d[\d.]*) on/,
    openssl: /(?:Compiled|Running +|Compiled\/running) with OpenSSL (\d[\d.]*)/g,
  },
  comment: ';',
  blocks: ({ library, profile, tls, reasons }) => [
    {
      place: 'before the first [service], for all of them; or in one of them',
      settings: [
        { text: `sslVersionMin = ${tls.lowest}`, ...reasons.protocols },
        // In its list of ciphers the keyword does not count.
        ...when(profile === 'old', {
          text: `securityLevel = ${securityLevelFor(library)?.replace('@SECLEVEL=', '') ?? '1'}`,
          why: 'TLS 1.0 and 1.1 sign with SHA-1, which the library takes only at this level.',
          cost: 'The library also takes short keys.',
        }),
        ...when(tls.cipherList !== undefined, {
          text: `ciphers = ${tls.ciphers.join(':')}`,
          ...reasons.ciphers,
        }),
        ...when(tls.suites.length > 0, {
          text: `ciphersuites = ${tls.suites.join(':')}`,
          ...reasons.suites,
        }),
        { text: `curves = ${tls.groups.join(':')}`, ...reasons.groups },
        ...when(tls.serverOrder, { text: 'options = CIPHER_SERVER_PREFERENCE', ...reasons.order }),
        { text: 'options = NO_TICKET', ...reasons.tickets },
      ],
    },
  ],
}
