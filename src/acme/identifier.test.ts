import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { AppError } from '../base/errors.ts'
import { coversHost, ipAddressBytes, ipAddressText, parseIdentifier, sameIdentifiers } from './identifier.ts'

const good: readonly { readonly given: string; readonly type: 'dns' | 'ip'; readonly value: string }[] = [
  { given: 'example.com', type: 'dns', value: 'example.com' },
  { given: 'WWW.Example.COM', type: 'dns', value: 'www.example.com' },
  { given: 'example.com.', type: 'dns', value: 'example.com' },
  { given: ' example.com ', type: 'dns', value: 'example.com' },
  { given: '*.example.com', type: 'dns', value: '*.example.com' },
  { given: 'bücher.example', type: 'dns', value: 'xn--bcher-kva.example' },
  { given: 'xn--bcher-kva.example', type: 'dns', value: 'xn--bcher-kva.example' },
  { given: '例え.テスト', type: 'dns', value: 'xn--r8jz45g.xn--zckzah' },
  { given: '192.0.2.1', type: 'ip', value: '192.0.2.1' },
  { given: '2001:DB8:0:0::1', type: 'ip', value: '2001:db8::1' },
  { given: '[2001:db8::1]', type: 'ip', value: '2001:db8::1' },
  { given: `${'a'.repeat(63)}.example`, type: 'dns', value: `${'a'.repeat(63)}.example` },
]

for (const { given, type, value } of good) {
  test(`"${given}" is the ${type} identifier ${value}`, () => {
    assert.deepEqual(parseIdentifier(given), { type, value })
  })
}

const bad: readonly { readonly given: string; readonly says: RegExp }[] = [
  { given: '', says: /is empty/ },
  { given: '   ', says: /is empty/ },
  { given: 'https://example.com', says: /is a URL/ },
  { given: 'me@example.com', says: /mail address/ },
  { given: 'example.com/path', says: /slash/ },
  { given: '192.0.2.0/24', says: /slash/ },
  { given: 'example.com:443', says: /port/ },
  { given: '256.0.0.1', says: /neither an IPv4 address nor a name/ },
  { given: '192.0.2', says: /neither an IPv4 address nor a name/ },
  { given: '192.0.2.01', says: /neither an IPv4 address nor a name/ },
  { given: '2001:db8::zz', says: /colon/ },
  { given: 'localhost', says: /only one label/ },
  { given: 'a..example', says: /empty label/ },
  { given: '.example.com', says: /empty label/ },
  { given: 'a_b.example.com', says: /underscore/ },
  { given: '-a.example.com', says: /letters, digits/ },
  { given: 'a-.example.com', says: /letters, digits/ },
  { given: 'a*.example.com', says: /whole first label/ },
  { given: '*.*.example.com', says: /whole first label/ },
  { given: '*.', says: /root zone/ },
  { given: 'a b.example', says: /white space/ },
  { given: `${'a'.repeat(64)}.example`, says: /64 characters; 63/ },
  { given: `${'a.'.repeat(130)}example`, says: /longer than 253/ },
  { given: 'example.123', says: /numeric label/ },
  { given: 'exa\u0000mple.com', says: /only letters/ },
  { given: 'exa%41mple.com', says: /only letters/ },
]

for (const { given, says } of bad) {
  test(`"${given.slice(0, 30)}" is refused: ${says.source}`, () => {
    assert.throws(
      () => parseIdentifier(given),
      error => error instanceof AppError && error.code === 'ERR_IDENTIFIER' && says.test(error.message),
    )
  })
}

test('reading what was read gives the same identifier', () => {
  fc.assert(
    fc.property(fc.oneof(fc.domain(), fc.ipV4(), fc.ipV6()), text => {
      const once = parseIdentifier(text)
      assert.deepEqual(parseIdentifier(once.value), once)
    }),
  )
})

test('no text makes the parser fail otherwise than with ERR_IDENTIFIER', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), text => {
      try {
        parseIdentifier(text)
      } catch (error) {
        assert.ok(error instanceof AppError && error.code === 'ERR_IDENTIFIER')
      }
    }),
  )
})

test('the octets of an address lead back to its text', () => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), text => {
      const { value } = parseIdentifier(text)
      assert.equal(ipAddressText(ipAddressBytes(value)), value)
    }),
  )
})

test('sets of identifiers are compared without regard to order, and types matter', () => {
  const a = parseIdentifier('a.example')
  const b = parseIdentifier('b.example')
  assert.equal(sameIdentifiers([a, b], [b, a]), true)
  assert.equal(sameIdentifiers([a, b], [a]), false)
  assert.equal(
    sameIdentifiers([{ type: 'dns', value: '192.0.2.1' }], [{ type: 'ip', value: '192.0.2.1' }]),
    false,
  )
})

for (const { names, host, covered } of [
  { names: ['a.example'], host: 'A.example.', covered: true },
  { names: ['a.example'], host: 'b.a.example', covered: false },
  { names: ['*.a.example'], host: 'b.a.example', covered: true },
  { names: ['*.a.example'], host: 'c.b.a.example', covered: false },
  { names: ['*.a.example'], host: 'a.example', covered: false },
  { names: ['192.0.2.1'], host: '192.0.2.1', covered: true },
  { names: ['2001:db8::1'], host: '2001:0db8::1', covered: true },
  { names: ['a.example'], host: '192.0.2.1', covered: false },
  { names: ['x.example', '*.b.example'], host: 'y.b.example', covered: true },
]) {
  test(`${names.join(', ')} ${covered ? 'is' : 'is not'} good for ${host}`, () => {
    assert.equal(coversHost(names.map(parseIdentifier), host), covered)
  })
}
