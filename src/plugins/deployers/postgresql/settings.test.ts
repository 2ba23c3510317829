import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { hasTls, parseConfig, postgresqlPlace } from './settings.ts'

describe('lines of postgresql.conf', () => {
  const cases: readonly (readonly [
    name: string,
    text: string,
    expected: readonly (readonly [string, string])[],
  ])[] = [
    [
      'with and without a sign of equality',
      'ssl = on\nport 5433\nSSL_cert_file=a',
      [
        ['ssl', 'on'],
        ['port', '5433'],
        ['ssl_cert_file', 'a'],
      ],
    ],
    [
      'quoted, with quotes and backslashes in it',
      `a = 'it''s'\nb='x\\'y'\nc = ''`,
      [
        ['a', "it's"],
        ['b', "x'y"],
        ['c', ''],
      ],
    ],
    [
      'with comments',
      `# ssl = off\nssl = on # yes\nhost = '#1'\n  # port = 1`,
      [
        ['ssl', 'on'],
        ['host', '#1'],
      ],
    ],
    [
      'of settings of extensions, and of files to include',
      `auto_explain.log = 1\ninclude_dir 'conf.d'`,
      [
        ['auto_explain.log', '1'],
        ['include_dir', 'conf.d'],
      ],
    ],
    ['that say nothing', '\n= 3\nname\nname =\n', []],
  ]
  for (const [name, text, expected] of cases)
    it(name, () =>
      assert.deepEqual(
        parseConfig(text).map(({ name: key, value }) => [key, value]),
        expected,
      ),
    )
})

describe('whether TLS is on', () => {
  for (const value of ['on', 'ON', 'true', 't', 'tr', 'yes', 'y', '1', 'o'])
    it(value, () => assert.ok(hasTls(new Map([['ssl', value]]))))
  for (const value of ['off', 'false', 'no', '0', 'of', ''])
    it(`not: ${value}`, () => assert.ok(!hasTls(new Map([['ssl', value]]))))
  it('not where nothing is said', () => assert.ok(!hasTls(new Map())))
})

describe('the place of PostgreSQL', () => {
  it('is below the data directory, where nothing else is said', () =>
    assert.deepEqual(postgresqlPlace(new Map([['data_directory', '/data']]), { source: 'here' }), {
      certificateFile: '/data/server.crt',
      keyFile: '/data/server.key',
      source: 'here',
      endpoints: [{ host: 'localhost', port: 5432, startTls: 'postgres' }],
    }))

  it('is served at every address', () => {
    const settings = new Map([
      ['data_directory', '/data'],
      ['ssl_cert_file', '/etc/tls/c.pem'],
      ['ssl_key_file', 'tls/k.pem'],
      ['listen_addresses', '*, ::, 192.0.2.1'],
      ['port', '5433'],
    ])
    const { certificateFile, keyFile, endpoints } = postgresqlPlace(settings, { source: '' })
    assert.deepEqual([certificateFile, keyFile], ['/etc/tls/c.pem', '/data/tls/k.pem'])
    assert.deepEqual(
      endpoints.map(({ host, port }) => `${host} ${port}`),
      ['127.0.0.1 5433', '::1 5433', '192.0.2.1 5433'],
    )
  })

  it('is served nowhere with a socket alone', () =>
    assert.deepEqual(postgresqlPlace(new Map([['listen_addresses', '']]), { source: '' }).endpoints, []))
})
