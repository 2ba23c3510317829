/** TLS settings of PostgreSQL. */
import type { HardenedServer } from '../server.ts'
import { when } from '../setting.ts'
import { atLeast } from '../version.ts'

/** Several groups, and the suites of TLS 1.3. */
const takesGroups = '18'

export const postgresql: HardenedServer = {
  name: 'postgresql',
  title: 'PostgreSQL',
  file: '/etc/postgresql/15/main/conf.d/tls.conf',
  apply: "psql -c 'SELECT pg_reload_conf()'",
  oldest: { version: [13, 0], library: { kind: 'openssl', version: [1, 1, 1] } },
  question: {
    programs: ['postgres', 'psql'],
    args: ['--version'],
    version: /\(PostgreSQL\) (\d[\d.]*)/,
    linked: ['/usr/lib/postgresql/*/bin/postgres', '/usr/lib/postgresql/*/lib/libpqwalreceiver.so'],
  },
  dhe: true,
  comment: '#',
  blocks: ({ version, tls, reasons, dhFile }) => [
    {
      place: 'in postgresql.conf or a file that it includes',
      settings: [
        { text: `ssl_min_protocol_version = '${tls.lowest}'`, ...reasons.protocols },
        ...when(tls.cipherList !== undefined, {
          text: `ssl_ciphers = '${tls.cipherList}'`,
          ...reasons.ciphers,
        }),
        ...(atLeast(version, takesGroups)
          ? [
              { text: `ssl_tls13_ciphers = '${tls.suites.join(':')}'`, ...reasons.suites },
              { text: `ssl_groups = '${tls.groups.join(':')}'`, ...reasons.groups },
            ]
          : [
              {
                text: "ssl_ecdh_curve = 'prime256v1'",
                why: 'Before version 18 it takes one curve, and every client has this one.',
                cost: 'Clients that try X25519 first need one round trip more.',
              },
            ]),
        {
          text: `ssl_prefer_server_ciphers = ${tls.serverOrder ? 'on' : 'off'}`,
          ...reasons.order,
        },
        ...(dhFile === undefined ? [] : [{ text: `ssl_dh_params_file = '${dhFile}'`, ...reasons.dhe }]),
      ],
    },
  ],
}
