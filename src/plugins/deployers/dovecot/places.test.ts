import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseDoveconf } from './doveconf.ts'
import { dovecotPlaces } from './places.ts'

const services = `service imap-login {
  inet_listener imap {
    port = 143
  }
  inet_listener imaps {
    ADDRESS
    port = 993
    ssl = yes
  }
}
service lmtp {
  inet_listener lmtp {
    port = 24
  }
}
`

for (const [version, text, expected] of [
  [
    '2.3',
    `listen = *
protocols = imap lmtp
ssl_cert = </c.pem
ssl_key = </k.pem
local_name "a.example b.example" {
  ssl_cert = </n.pem
  ssl_key = </nk.pem
}
local 192.0.2.1 {
  ssl_cert = </l.pem
  ssl_key = </lk.pem
}
${services.replace('ADDRESS', 'address = 192.0.2.1')}`,
    [
      '/c.pem /k.pem everybody imap:143 tls:993 lmtp:24',
      '/n.pem /nk.pem a.example b.example imap:143 tls:993',
      '/l.pem /lk.pem everybody tls:993',
    ],
  ],
  [
    '2.4',
    `listen = *
protocols {
  imap = yes
  lmtp = no
}
ssl_server_cert_file = /c.pem
ssl_server_key_file = /k.pem
local_name a.example {
  ssl_server_cert_file = /n.pem
  ssl_server_key_file = /nk.pem
}
${services.replace('ADDRESS', 'listen = 192.0.2.1')}`,
    ['/c.pem /k.pem everybody imap:143 tls:993', '/n.pem /nk.pem a.example imap:143 tls:993'],
  ],
  [
    '2.4 with blocks',
    `listen = *
protocols {
  imap = yes
}
ssl_server {
  cert_file = /c.pem
  key_file = /k.pem
}
${services.replace('ADDRESS', '')}`,
    ['/c.pem /k.pem everybody imap:143 tls:993'],
  ],
  ['2.4 without TLS', 'ssl = no\nssl_server_cert_file = /c.pem\nssl_server_key_file = /k.pem\n', []],
] as const)
  test(`the certificates of version ${version}`, () => {
    const shown = dovecotPlaces(parseDoveconf(text)).map(
      ({ certificateFile, keyFile, names = ['everybody'], endpoints }) =>
        [
          ...[certificateFile, keyFile, ...names],
          ...endpoints.map(({ startTls = 'tls', port }) => `${startTls}:${port}`),
        ].join(' '),
    )
    assert.deepEqual(shown, expected)
  })
