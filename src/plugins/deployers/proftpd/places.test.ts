import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readScopes } from '../apache/directives.ts'
import { proftpdPlaces } from './places.ts'

const path = '/etc/proftpd/proftpd.conf'

function placesOf(text: string) {
  const main = { path, line: 0, includes: [] }
  const modules = new Set(['tls_module'])
  return proftpdPlaces(
    readScopes({ main, modules, defines: new Map(), serverRoot: undefined }, new Map([[path, text]])),
  )
}

test('the main server, with what is said for all and in conditions', () => {
  const found = placesOf(`Port 2121
DefaultAddress 192.0.2.7
<Global>
TLSCertificateChainFile /c/chain.pem
</Global>
<IfModule mod_tls.c>
TLSEngine on
TLSECCertificateFile /c/ec.pem
TLSECCertificateKeyFile /c/ec.key
</IfModule>
<IfModule mod_sftp.c>
TLSRSACertificateFile /c/no.pem
</IfModule>`)
  assert.deepEqual(found, [
    {
      certificateFile: '/c/ec.pem',
      keyFile: '/c/ec.key',
      chainFile: '/c/chain.pem',
      source: path,
      endpoints: [{ host: '192.0.2.7', port: 2121, startTls: 'ftp' }],
    },
  ])
})

test('virtual hosts, which have nothing from the main server', () => {
  const found = placesOf(`TLSEngine on
TLSRSACertificateFile /c/main.pem
<VirtualHost 192.0.2.8 ::1>
  Port 990
  TLSEngine on
  TLSOptions NoSessionReuseRequired UseImplicitSSL
  TLSRSACertificateFile /c/own.pem
</VirtualHost>
<VirtualHost 192.0.2.9>
  TLSRSACertificateFile /c/off.pem
</VirtualHost>`)
  assert.deepEqual(
    found.map(({ certificateFile, source, endpoints }) => ({ certificateFile, source, endpoints })),
    [
      {
        certificateFile: '/c/main.pem',
        source: path,
        endpoints: [{ host: '127.0.0.1', port: 21, startTls: 'ftp' }],
      },
      {
        certificateFile: '/c/own.pem',
        source: `${path}:3`,
        endpoints: [
          { host: '192.0.2.8', port: 990 },
          { host: '::1', port: 990 },
        ],
      },
    ],
  )
})
