import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatListenAddress, parseListenAddress } from './listen-address.ts'

for (const [text, host, port] of [
  ['127.0.0.1:9402', '127.0.0.1', 9402],
  ['0.0.0.0:1', '0.0.0.0', 1],
  ['[::1]:65535', '::1', 65_535],
] as const) {
  test(`${text} is an address to listen on`, () => {
    const address = parseListenAddress(text)
    assert.deepEqual(address, { host, port })
    assert.equal(formatListenAddress({ host, port }), text)
  })
}

for (const text of [
  '',
  '9402',
  ':9402',
  '127.0.0.1',
  '127.0.0.1:0',
  '127.0.0.1:65536',
  '127.0.0.256:1',
  '::1:9402',
  '[127.0.0.1]:9402',
  'localhost:9402',
  '[::1]',
]) {
  test(`"${text}" is no address to listen on`, () => {
    assert.equal(parseListenAddress(text), undefined)
  })
}
