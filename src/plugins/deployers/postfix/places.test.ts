import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pairsIn } from './chain-files.ts'
import { tlsEndpoints } from './listeners.ts'
import { postfixPlaces } from './places.ts'
import { parseParameters, parseServices } from './postconf.ts'
import { namesOf, parseSniMaps, parseSniSource } from './sni-table.ts'

const key = '-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n'
const certificate = '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n'

/** The services of a configuration as `postconf` prints it. */
function servicesOf({ main = '', lines = '', overrides = '' }) {
  return parseServices(lines, { overrides, main: parseParameters(`smtpd_tls_security_level = may\n${main}`) })
}

const smtp = 'smtp inet n - y - - smtpd'

const endpointCases: readonly {
  readonly name: string
  readonly given: Parameters<typeof servicesOf>[0]
  readonly expected: readonly object[]
}[] = [
  {
    name: 'a port by name',
    given: { lines: smtp, main: 'known_tcp_ports = lmtp=24, smtp=25' },
    expected: [{ host: '127.0.0.1', port: 25, startTls: 'smtp' }],
  },
  {
    name: 'a port by the second of its names, where Postfix does not say them',
    given: {
      lines: 'submissions inet n - y - - smtpd -o x=y',
      overrides: 'submissions/inet/smtpd_tls_wrappermode = yes',
    },
    expected: [{ host: '127.0.0.1', port: 465 }],
  },
  {
    name: 'an address before the port',
    given: { lines: '[::1]:2525 inet n - y - - smtpd' },
    expected: [{ host: '::1', port: 2525, startTls: 'smtp' }],
  },
  {
    name: 'the addresses that are named for all',
    given: { lines: smtp, main: 'inet_interfaces = 192.0.2.1, [2001:db8::1]' },
    expected: [
      { host: '192.0.2.1', port: 25, startTls: 'smtp' },
      { host: '2001:db8::1', port: 25, startTls: 'smtp' },
    ],
  },
  {
    name: 'no address of version 4',
    given: { lines: smtp, main: 'inet_interfaces = all\ninet_protocols = ipv6' },
    expected: [{ host: '::1', port: 25, startTls: 'smtp' }],
  },
  {
    name: 'a proxy before postscreen',
    given: {
      lines: 'smtp inet n - y - 1 postscreen',
      main: 'postscreen_upstream_proxy_protocol = haproxy\nsmtpd_upstream_proxy_protocol =',
    },
    expected: [{ host: '127.0.0.1', port: 25, startTls: 'smtp', proxyProtocol: true }],
  },
  { name: 'no TLS', given: { lines: smtp, main: 'smtpd_tls_security_level = none' }, expected: [] },
  {
    name: 'no TLS for one service',
    given: { lines: smtp, overrides: 'smtp/inet/smtpd_tls_security_level = none' },
    expected: [],
  },
  {
    name: 'TLS as it was switched on before there were levels',
    given: { lines: smtp, main: 'smtpd_tls_security_level =\nsmtpd_use_tls = yes' },
    expected: [{ host: '127.0.0.1', port: 25, startTls: 'smtp' }],
  },
  {
    name: 'neither level nor switch',
    given: { lines: smtp, main: 'smtpd_tls_security_level =' },
    expected: [],
  },
  { name: 'a socket of the machine', given: { lines: 'smtpd pass - - y - - smtpd' }, expected: [] },
  { name: 'another program', given: { lines: '2500 inet n - y - - qmqpd' }, expected: [] },
  { name: 'a port that nobody knows', given: { lines: 'nowhere inet n - y - - smtpd' }, expected: [] },
]

for (const { name, given, expected } of endpointCases) {
  test(`endpoints: ${name}`, () => {
    assert.deepEqual(servicesOf(given).flatMap(tlsEndpoints), expected)
  })
}

const placeCases: readonly {
  readonly name: string
  readonly given: Parameters<typeof servicesOf>[0]
  readonly texts?: Readonly<Record<string, string>>
  readonly expected: readonly string[]
}[] = [
  {
    name: 'key and certificate',
    given: { lines: smtp, main: 'smtpd_tls_cert_file = /c.pem\nsmtpd_tls_key_file = /k.pem' },
    expected: ['/c.pem /k.pem everybody 25'],
  },
  {
    name: 'two kinds of keys, one of them with everything in one file',
    given: {
      lines: smtp,
      main: 'smtpd_tls_cert_file = /c.pem\nsmtpd_tls_key_file = /k.pem\nsmtpd_tls_eccert_file = /e.pem\nsmtpd_tls_eckey_file = /e.pem',
    },
    expected: ['/c.pem /k.pem everybody 25', '/e.pem /e.pem everybody 25'],
  },
  {
    name: 'a list instead of the older parameters',
    given: { lines: smtp, main: 'smtpd_tls_cert_file = /c.pem\nsmtpd_tls_chain_files = /all.pem' },
    expected: ['/all.pem /all.pem everybody 25'],
  },
  {
    name: 'no file',
    given: { lines: smtp, main: 'smtpd_tls_cert_file = none' },
    expected: [],
  },
  {
    name: 'one certificate at two services, another at a third',
    given: {
      lines: `${smtp}\nsubmission inet n - y - - smtpd\nsmtps inet n - y - - smtpd`,
      main: 'smtpd_tls_chain_files = /all.pem',
      overrides: 'submission/inet/smtpd_tls_chain_files = /own.pem',
    },
    expected: ['/all.pem /all.pem everybody 25 465', '/own.pem /own.pem everybody 587'],
  },
  {
    name: 'a table of names',
    given: { lines: smtp, main: 'smtpd_tls_chain_files = /all.pem\ntls_server_sni_maps = hash:/sni' },
    texts: { '/sni': 'a.example /a.key /a.crt\n.b.example /b.pem\n' },
    expected: [
      '/all.pem /all.pem everybody 25',
      '/a.crt /a.key a.example 25',
      '/b.pem /b.pem *.b.example 25',
    ],
  },
]

for (const { name, given, texts = {}, expected } of placeCases) {
  test(`places: ${name}`, () => {
    const places = postfixPlaces(servicesOf(given), path => texts[path])
    const shown = places.map(({ certificateFile, keyFile, names = ['everybody'], endpoints }) =>
      [certificateFile, keyFile, ...names, ...endpoints.map(({ port }) => port)].join(' '),
    )
    assert.deepEqual(shown, expected)
  })
}

const pairCases: readonly {
  readonly name: string
  readonly paths: readonly string[]
  readonly texts?: Readonly<Record<string, string>>
  readonly expected: readonly (readonly [certificateFile: string, keyFile: string])[]
}[] = [
  { name: 'one file that is not there yet', paths: ['/my-key'], expected: [['/my-key', '/my-key']] },
  {
    name: 'two files that are not there yet',
    paths: ['/l/privkey.pem', '/l/fullchain.pem'],
    expected: [['/l/fullchain.pem', '/l/privkey.pem']],
  },
  {
    name: 'files with names that say nothing',
    paths: ['/1', '/2', '/3'],
    texts: { '/1': key, '/2': certificate, '/3': key + certificate },
    expected: [
      ['/2', '/1'],
      ['/3', '/3'],
    ],
  },
  {
    name: 'the certificate and its intermediates in two files',
    paths: ['/1', '/2', '/3'],
    texts: { '/1': key, '/2': certificate, '/3': certificate },
    expected: [['/2', '/1']],
  },
  { name: 'a certificate without a key', paths: ['/1.crt', '/2.crt'], expected: [] },
]

for (const { name, paths, texts = {}, expected } of pairCases) {
  test(`a list of files: ${name}`, () => {
    const pairs = pairsIn(paths, path => texts[path])
    assert.deepEqual(
      pairs.map(({ certificateFile, keyFile }) => [certificateFile, keyFile]),
      expected,
    )
  })
}

test('tables are known by their kind', () => {
  const maps = parseSniMaps('hash:/a, proxy:lmdb:/b texthash:/c pcre:/d inline:{x=/y} /e')
  assert.deepEqual(maps, [
    { type: 'hash', sourceFile: '/a', isBuilt: true },
    { type: 'lmdb', sourceFile: '/b', isBuilt: true },
    { type: 'texthash', sourceFile: '/c', isBuilt: false },
  ])
})

test('the source of a table has comments, empty lines and lines that go on', () => {
  const entries = parseSniSource(
    '# names\nMail.Example /k.pem,\n  # not here\n  /c.pem\n\n.b.example\t/b.pem\n',
  )
  assert.deepEqual(entries, [
    { name: 'mail.example', files: ['/k.pem', '/c.pem'] },
    { name: '.b.example', files: ['/b.pem'] },
  ])
  assert.deepEqual(entries.flatMap(namesOf), ['mail.example', '*.b.example'])
})
