import assert from 'node:assert/strict'
import { test } from 'node:test'
import { certificatesByHost, includesIn, parseSections } from './configuration.ts'
import { candidatesIn, prosodyPlaces, valuesOfAll } from './places.ts'

const text = `-- VirtualHost "not.example"
pidfile = "/run/prosody.pid" -- its own
--[[ certificates = "no"
]]
certificates = "tls"
interfaces = { "*", "::" }
c2s_direct_tls_ports = { 5223; 5224 }
log = { info = "/var/log/a--b.log"; { levels = { "error" }; to = "syslog"; }; }
VirtualHost "a.example"
VirtualHost "b.example"
	ssl = {
		certificate = '/etc/own.pem';
		key = "own.key";
	}
Component "rooms.a.example" "muc"
Include "conf.d/*.cfg.lua"
`
const sections = parseSections(text)
const directory = '/etc/prosody'

test('hosts, settings and includes are read', () => {
  assert.deepEqual(
    sections.map(({ host }) => host),
    [undefined, 'a.example', 'b.example', 'rooms.a.example'],
  )
  const values = valuesOfAll(sections)
  assert.deepEqual(values.get('pidfile'), ['/run/prosody.pid'])
  assert.deepEqual(values.get('certificates'), ['tls'])
  assert.deepEqual(values.get('c2s_direct_tls_ports'), ['5223', '5224'])
  assert.deepEqual(includesIn(text), ['conf.d/*.cfg.lua'])
})

for (const [name, certificates, there, expected] of [
  [
    'nothing there yet',
    {},
    [],
    [
      '/etc/prosody/tls/a.example.crt /etc/prosody/tls/a.example.key',
      '/etc/own.pem /etc/prosody/own.key',
      '/etc/prosody/tls/rooms.a.example.crt /etc/prosody/tls/rooms.a.example.key',
    ],
  ],
  [
    'one that Prosody has loaded, and one that it could not load',
    { 'a.example': '/etc/prosody/tls/a.example/fullchain.pem' },
    ['/etc/prosody/tls/rooms.a.example.pem'],
    [
      '/etc/prosody/tls/a.example/fullchain.pem /etc/prosody/tls/a.example/privkey.pem',
      '/etc/own.pem /etc/prosody/own.key',
      '/etc/prosody/tls/rooms.a.example.pem /etc/prosody/tls/rooms.a.example.pem',
    ],
  ],
] as const)
  test(`places: ${name}`, () => {
    const places = prosodyPlaces({
      sections,
      directory,
      certificates: new Map(Object.entries(certificates)),
      there: new Set(there),
    })
    assert.deepEqual(
      places.map(({ certificateFile, keyFile }) => `${certificateFile} ${keyFile}`),
      expected,
    )
  })

test('the addresses of clients', () => {
  const [place] = prosodyPlaces({ sections, directory, certificates: new Map(), there: new Set() })
  assert.deepEqual(place?.endpoints, [
    { host: '127.0.0.1', port: 5222, startTls: 'xmpp' },
    { host: '127.0.0.1', port: 5223 },
    { host: '127.0.0.1', port: 5224 },
  ])
})

test('a host with files of its own has them only after the dialogue; the port without one has others', () => {
  const places = prosodyPlaces({
    sections: parseSections(
      'c2s_direct_tls_ports = { 5223 }\nc2s_direct_tls_ssl = { certificate = "/d.pem", key = "/d.key" }\nVirtualHost "a.example"\nssl = { certificate = "/a.pem", key = "/a.key" }',
    ),
    directory,
    certificates: new Map(),
    there: new Set(),
  })
  assert.deepEqual(
    places.map(({ certificateFile, endpoints }) => [certificateFile, ...endpoints.map(({ port }) => port)]),
    [
      ['/a.pem', 5222],
      ['/d.pem', 5223],
    ],
  )
})

test('the files that are tried', () => {
  assert.deepEqual(candidatesIn(parseSections('VirtualHost "a.example"'), directory), [
    '/etc/prosody/certs/a.example.crt',
    '/etc/prosody/certs/a.example/fullchain.pem',
    '/etc/prosody/certs/a.example.pem',
  ])
})

test('what prosodyctl says of the certificates', () => {
  const said = `Checking certificates...
Checking certificate for a.example
  Error: error loading private key ((null))
Checking certificate for b.example
  Certificate: /c.pem
    Certificate expires within one week.
`
  assert.deepEqual([...certificatesByHost(said)], [['b.example', '/c.pem']])
})
