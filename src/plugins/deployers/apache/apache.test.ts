import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readScopes, type Scopes } from './directives.ts'
import { parseDump } from './dump.ts'
import { apachePlaces } from './places.ts'

const main = '/etc/apache2/apache2.conf'
const serverRoot = '/etc/apache2'
const dumped = (...includes: readonly string[]) => `Included configuration files:
  (*) ${main}
${includes.join('\n')}
ServerRoot: "${serverRoot}"
Main DocumentRoot: "/var/www/html"
PidFile: "/run/apache2.pid"
Define: DUMP_CERTS
Define: CERTS=/srv/tls
Loaded Modules:
 core_module (static)
 ssl_module (shared)
Server certificates:
  /srv/tls/a.pem
`

function scopes(files: Readonly<Record<string, string>>, ...includes: readonly string[]): Scopes {
  return readScopes(parseDump(dumped(...includes)), new Map(Object.entries(files)))
}

/** Without what is not looked at: source and endpoints in short. */
function places(text: string, more: Readonly<Record<string, string>> = {}, ...includes: readonly string[]) {
  return apachePlaces(scopes({ [main]: text, ...more }, ...includes), { serverRoot }).map(
    ({ endpoints, source, ...place }) => ({
      ...place,
      at: endpoints.map(({ host, port }) => `${host}:${port}`).join(' '),
      line: source.slice(source.lastIndexOf('/') + 1),
    }),
  )
}

test('what it prints of its configuration', () => {
  const dump = parseDump(
    dumped('    (3) /etc/apache2/a.conf', '      (1) /etc/apache2/deep.conf', '    (3) /etc/apache2/b.conf'),
  )
  assert.deepEqual(dump, {
    main: {
      path: main,
      line: 0,
      includes: [
        {
          path: '/etc/apache2/a.conf',
          line: 3,
          includes: [{ path: '/etc/apache2/deep.conf', line: 1, includes: [] }],
        },
        { path: '/etc/apache2/b.conf', line: 3, includes: [] },
      ],
    },
    serverRoot,
    pidFile: '/run/apache2.pid',
    modules: new Set(['core_module', 'ssl_module']),
    defines: new Map([
      ['DUMP_CERTS', ''],
      ['CERTS', '/srv/tls'],
    ]),
    certificates: ['/srv/tls/a.pem'],
  })
})

test('virtual hosts by name, with what they include', () => {
  const text = `Listen 80
Listen 443
<VirtualHost *:80>
  ServerName a.test
</VirtualHost>
<IfModule mod_ssl.c>
<VirtualHost *:443>
  ServerName https://A.test:443
  ServerAlias www.a.test "*.a.test"
  Include tls/a.conf
</VirtualHost>
<VirtualHost *:443>
  ServerName b.test
  SSLEngine On
  SSLCertificateFile tls/b.pem
  SSLCertificateChainFile \\
    tls/chain.pem
</VirtualHost>
</IfModule>`
  const a = '/etc/apache2/tls/a.conf'
  const included = {
    [a]: 'sslengine on\nsslcertificatefile ${CERTS}/a.pem\nSSLCertificateKeyFile "${CERTS}/a.key"',
  }
  assert.deepEqual(places(text, included, `    (10) ${a}`), [
    {
      certificateFile: '/srv/tls/a.pem',
      keyFile: '/srv/tls/a.key',
      names: ['a.test', 'www.a.test', '*.a.test'],
      at: '127.0.0.1:443',
      line: 'apache2.conf:7',
    },
    {
      certificateFile: '/etc/apache2/tls/b.pem',
      keyFile: '/etc/apache2/tls/b.pem',
      chainFile: '/etc/apache2/tls/chain.pem',
      names: ['b.test'],
      at: '127.0.0.1:443',
      line: 'apache2.conf:12',
    },
  ])
})

test('what does not count', () => {
  const host = (inner: string) => `Listen 443\n<VirtualHost *:443>\nSSLEngine on\n${inner}\n</VirtualHost>`
  for (const inner of [
    '<IfModule !ssl_module>\nSSLCertificateFile /c.pem\n</IfModule>',
    '<IfDefine NOT_SET>\nSSLCertificateFile /c.pem\n</IfDefine>',
    '#SSLCertificateFile /c.pem',
    '# and \\\nSSLCertificateFile /c.pem',
    'SSLCertificateFile ${FROM_ENVIRONMENT}/c.pem',
    'SSLEngine off\nSSLCertificateFile /c.pem',
  ])
    assert.deepEqual(places(host(inner)), [], inner)
  const macro = `<Macro m>\n${host('SSLCertificateFile /c.pem')}\n</Macro>`
  assert.deepEqual(places(macro), [])
})

test('addresses are those that are listened on', () => {
  const tls = 'SSLEngine on\nSSLCertificateFile /c.pem'
  const at = (address: string) =>
    places(`Listen 443 https
Listen [::1]:443
Listen 192.0.2.1:8443
<VirtualHost ${address}>
${tls}
</VirtualHost>`)[0]?.at
  assert.equal(at('*:443'), '127.0.0.1:443 ::1:443')
  assert.equal(at('_default_:443'), '127.0.0.1:443 ::1:443')
  assert.equal(at('*:8443'), '192.0.2.1:8443')
  assert.equal(at('192.0.2.1:8443 [::1]:443'), '192.0.2.1:8443 ::1:443')
  assert.equal(at('*'), '127.0.0.1:443 ::1:443 192.0.2.1:8443')
  assert.equal(at('192.0.2.7:443'), '192.0.2.7:443')
})

test('a certificate of the main server counts for hosts without one, and where there is no host', () => {
  const text = `Listen 443
Listen 8443
SSLEngine on
SSLCertificateFile /main.pem
<VirtualHost *:443>
ServerName a.test
</VirtualHost>`
  const main = { certificateFile: '/main.pem', keyFile: '/main.pem' }
  assert.deepEqual(places(text), [
    { ...main, names: ['a.test'], isOnly: true, at: '127.0.0.1:443', line: 'apache2.conf:5' },
    { ...main, at: '127.0.0.1:8443', line: 'apache2.conf' },
  ])
})

test('two certificates of one host are not written to, because nothing tells which of them is which', () => {
  const found = places(`Listen 443
<VirtualHost *:443>
SSLEngine on
SSLCertificateFile /ec.pem
SSLCertificateKeyFile /ec.key
SSLCertificateFile /rsa.pem
SSLCertificateKeyFile /rsa.key
</VirtualHost>`)
  assert.deepEqual(
    found.map(({ certificateFile, keyFile, foreign }) => [certificateFile, keyFile, foreign !== undefined]),
    [
      ['/ec.pem', '/ec.key', true],
      ['/rsa.pem', '/rsa.key', true],
    ],
  )
})
