import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeRuntime } from '../../../testing/fake-runtime.ts'
import { createEximDeployer } from './exim.ts'
import { eximEndpoints, eximPlaces, listItems, parseOptions } from './options.ts'

for (const [list, expected] of [
  ['', []],
  ['smtp : 465:2525', ['smtp', '465', '2525']],
  ['127.0.0.1 : 2001::db8::::1', ['127.0.0.1', '2001:db8::1']],
  ['<; 0.0.0.0 ; ::0', ['0.0.0.0', '::0']],
  ['<, /a, /b', ['/a', '/b']],
] as const)
  test(`the list ${JSON.stringify(list)}`, () => {
    assert.deepEqual(listItems(list), expected)
  })

const usual =
  'tls_certificate = /c\ntls_privatekey = /k\ndaemon_smtp_ports = smtp\nlocal_interfaces = <; ::0 ; 0.0.0.0'

const endpointCases: readonly {
  readonly name: string
  readonly text: string
  readonly expected: readonly string[]
}[] = [
  { name: 'all addresses', text: usual, expected: ['smtp 127.0.0.1 25'] },
  {
    name: 'TLS from the first byte at one of the ports',
    text: `${usual}\ndaemon_smtp_ports = 25 : smtps : submission\ntls_on_connect_ports = 465`,
    expected: ['smtp 127.0.0.1 25', 'tls 127.0.0.1 465', 'smtp 127.0.0.1 587'],
  },
  {
    name: 'addresses with ports of their own',
    text: `${usual}\nlocal_interfaces = <; 192.0.2.1.26 ; 2001:db8::1.27 ; [2001:db8::2]:28 ; 192.0.2.3`,
    expected: ['smtp 192.0.2.1 26', 'smtp 2001:db8::1 27', 'smtp 2001:db8::2 28', 'smtp 192.0.2.3 25'],
  },
  {
    name: 'no version 6',
    text: `${usual}\nlocal_interfaces = <; ::1 ; 127.0.0.1\ndisable_ipv6`,
    expected: ['smtp 127.0.0.1 25'],
  },
  {
    name: 'version 6 alone',
    text: `${usual}\nlocal_interfaces = <; ::0\nno_disable_ipv6`,
    expected: ['smtp ::1 25'],
  },
  { name: 'no TLS', text: `${usual}\ntls_advertise_hosts =`, expected: [] },
]

for (const { name, text, expected } of endpointCases) {
  test(`endpoints: ${name}`, () => {
    const shown = eximEndpoints(parseOptions(text)).map(({ host, port, startTls = 'tls' }) =>
      [startTls, host, port].join(' '),
    )
    assert.deepEqual(shown, expected)
  })
}

for (const [name, text, named, expected] of [
  ['key and certificate', usual, undefined, ['/c /k']],
  ['all in one file', 'tls_certificate = /c\ntls_privatekey =', undefined, ['/c /c']],
  ['two kinds of keys', 'tls_certificate = /a : /b\ntls_privatekey = /1 : /2', undefined, ['/a /1', '/b /2']],
  ['a value for each connection', 'tls_certificate = /$tls_in_sni\ntls_privatekey = /k', '/c', ['/c /k']],
  ['no certificate', 'tls_certificate =\ntls_privatekey =', undefined, []],
] as const)
  test(`places: ${name}`, () => {
    const shown = eximPlaces(parseOptions(text), named).map(
      ({ certificateFile, keyFile }) => `${certificateFile} ${keyFile}`,
    )
    assert.deepEqual(shown, expected)
  })

for (const [name, text, exitCode, code, message] of [
  ['a broken configuration', 'main option "x" unknown', 1, 'ERR_DEPLOY_BROKEN_BEFORE', /"x" unknown/],
  ['a value for each connection', 'tls_certificate = /$tls_in_sni', 0, 'ERR_DEPLOY_UNUSED', /names no file/],
  ['a process that is gone', `${usual}\npid_file_path = /run/pid`, 0, 'ERR_DEPLOY', /not running/],
] as const)
  test(name, async () => {
    const runtime = fakeRuntime({ exec: async () => ({ exitCode, stdout: text, stderr: '' }) })
    const deployer = createEximDeployer({ program: '/usr/sbin/exim4' }, runtime)
    const certificate = { name: 'x', identifiers: [], liveDirectory: '/state/live/x', fingerprint: '' }
    const inspection = await deployer.inspect(certificate, { signal: AbortSignal.timeout(10_000) })
    if (inspection.state === 'ready') assert.fail('it is ready')
    assert.equal(inspection.error.code, code)
    assert.match(inspection.error.message, message)
  })
