import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isAppError } from '../base/errors.ts'
import { loopbackNetworks, mayConnect, parseNetwork, privateNetworks } from './network.ts'

describe('refused without an allowance', () => {
  for (const address of [
    '0.0.0.0',
    '0.255.255.255',
    '10.0.0.1',
    '10.255.255.255',
    '100.64.0.1',
    '100.127.255.255',
    '127.0.0.1',
    '127.255.255.255',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.8',
    '192.0.2.1',
    '192.88.99.1',
    '192.168.1.1',
    '198.18.0.1',
    '198.19.255.255',
    '198.51.100.7',
    '203.0.113.7',
    '224.0.0.1',
    '239.255.255.255',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:8.8.8.8',
    '::127.0.0.1',
    '64:ff9b::7f00:1',
    '64:ff9b:1::1',
    '100::1',
    '2001::1',
    '2001:10::1',
    '2001:20::1',
    '2001:db8::1',
    '2002:7f00:1::',
    '3fff::1',
    '5f00::1',
    'fc00::1',
    'fd12:3456::1',
    'fe80::1',
    'fec0::1',
    'ff02::1',
    '4000::1',
  ]) {
    it(address, () => assert.equal(mayConnect(address, []), false))
  }
})

describe('public', () => {
  for (const address of [
    '1.1.1.1',
    '9.255.255.255',
    '11.0.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '126.255.255.255',
    '128.0.0.0',
    '169.253.255.255',
    '172.15.255.255',
    '172.32.0.0',
    '192.0.1.0',
    '192.167.255.255',
    '198.17.255.255',
    '198.20.0.0',
    '223.255.255.255',
    '2001:200::1',
    '2001:4860:4860::8888',
    '2003::1',
    '2a00:1450::1',
    '2606:4700::1',
  ]) {
    it(address, () => assert.equal(mayConnect(address, []), true))
  }
})

describe('an allowance opens its network and nothing else', () => {
  const loopback = loopbackNetworks.map(parseNetwork)
  const inside = privateNetworks.map(parseNetwork)
  for (const [address, allowed, expected] of [
    ['127.0.0.1', loopback, true],
    ['::1', loopback, true],
    ['::2', loopback, false],
    ['10.0.0.1', loopback, false],
    ['::ffff:127.0.0.1', loopback, false],
    ['10.1.2.3', inside, true],
    ['fd00::1', inside, true],
    ['fe80::1', inside, false],
    ['127.0.0.1', inside, false],
    ['1.1.1.1', inside, true],
    ['10.1.2.3', [parseNetwork('10.1.2.3/32')], true],
    ['10.1.2.4', [parseNetwork('10.1.2.3/32')], false],
    ['10.1.2.4', [parseNetwork('10.1.2.3/29')], true],
    ['169.254.169.254', [parseNetwork('0.0.0.0/0')], true],
    ['::1', [parseNetwork('0.0.0.0/0')], false],
  ] as const) {
    it(`${address}: ${expected}`, () => assert.equal(mayConnect(address, allowed), expected))
  }
})

describe('what is no address is refused, whatever is allowed', () => {
  const everything = ['0.0.0.0/0', '::/0'].map(parseNetwork)
  for (const text of [
    '',
    'localhost',
    '127.1',
    '0x7f000001',
    'fe80::1%eth0',
    '[::1]',
    '1.1.1.1:80',
    '01.1.1.1',
  ]) {
    it(`"${text}"`, () => assert.equal(mayConnect(text, everything), false))
  }
  it('in another way of writing, an address is still the same', () => {
    assert.equal(mayConnect('::FFFF:127.0.0.1', []), false)
    assert.equal(mayConnect('2606:4700:0:0:0:0:0:1', []), true)
  })
})

for (const text of [
  '',
  '10.0.0.0',
  '10.0.0.0/33',
  '10.0.0/8',
  '::/129',
  'example.com/8',
  '10.0.0.0/8/8',
  '/8',
]) {
  it(`"${text}" is not a network`, () =>
    assert.throws(
      () => parseNetwork(text),
      error => isAppError(error, 'ERR_FORMAT'),
    ))
}
