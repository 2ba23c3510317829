import assert from 'node:assert/strict'
import test from 'node:test'
import { formatAddress, parseListen, socketKey } from './listen.ts'

const place = { file: 'f', line: 1 }
const parse = (text: string) => parseListen({ args: text.split(' '), place })

const addresses: readonly { readonly text: string; readonly expected: string }[] = [
  { text: '443', expected: '0.0.0.0:443' },
  { text: '*:443', expected: '0.0.0.0:443' },
  { text: '0.0.0.0:443', expected: '0.0.0.0:443' },
  { text: '192.0.2.1', expected: '192.0.2.1:80' },
  { text: '[::]:443', expected: '[::]:443' },
  { text: '[2001:DB8:0::1]', expected: '[2001:db8::1]:80' },
  { text: 'Www.Example.com:8443', expected: 'www.example.com:8443' },
  { text: 'localhost', expected: 'localhost:80' },
  { text: '8000-8010', expected: '0.0.0.0:8000' },
  { text: 'unix:/run/n.sock', expected: 'unix:/run/n.sock' },
]

for (const { text, expected } of addresses) {
  test(`listen ${text} is ${expected}`, () => {
    const listen = parse(text)
    assert.ok(listen)
    assert.equal(formatAddress(listen), expected)
  })
}

for (const text of ['', '0', '99999', '[::x]:1', 'a:b:c']) {
  test(`listen "${text}" has no address`, () => {
    assert.equal(parse(text), undefined)
  })
}

test('flags are seen, and QUIC is another socket', () => {
  const tls = parse('443 ssl default_server proxy_protocol')
  const quic = parse('443 quic reuseport')
  assert.ok(tls && quic)
  assert.deepEqual([tls.ssl, tls.isDefault, tls.proxyProtocol, tls.isUdp], [true, true, true, false])
  assert.equal(quic.isUdp, true)
  assert.notEqual(socketKey(tls), socketKey(quic))
})
