/** TLS settings of Prosody. */
import type { HardenedServer } from '../server.ts'
import { when } from '../setting.ts'

export const prosody: HardenedServer = {
  name: 'prosody',
  title: 'Prosody',
  file: '/etc/prosody/conf.avail/tls.cfg.lua',
  apply: 'prosodyctl check config && prosodyctl reload',
  oldest: { version: [0, 11, 13], library: { kind: 'openssl', version: [1, 1, 1] } },
  question: {
    programs: ['prosodyctl'],
    args: ['about'],
    version: /^Prosody (\d[\d.]*)/m,
    linked: ['/usr/lib/*/lua/*/ssl.so', '/usr/lib64/lua/*/ssl.so', '/usr/local/lib/lua/*/ssl.so'],
  },
  comment: '--',
  blocks: ({ tls, reasons }) => [
    {
      place: 'in the global part, before the first VirtualHost; one "ssl" table alone counts there',
      open: 'ssl = {',
      close: '}',
      settings: [
        {
          text: `protocol = "${tls.lowest.toLowerCase().replace('.', '_')}${tls.lowest === 'TLSv1.3' ? '' : '+'}";`,
          ...reasons.protocols,
        },
        ...when(tls.cipherList !== undefined, {
          text: `ciphers = "${tls.cipherList}";`,
          ...reasons.ciphers,
        }),
        ...when(tls.suites.length > 0, {
          text: `ciphersuites = "${tls.suites.join(':')}";`,
          ...reasons.suites,
        }),
        {
          text: `curveslist = { ${tls.groups.map(group => `"${group}"`).join(', ')} };`,
          ...reasons.groups,
        },
        { text: `options = { cipher_server_preference = ${tls.serverOrder} };`, ...reasons.order },
      ],
    },
  ],
}
