import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ipAddressBytes, parseIdentifier } from '../acme/identifier.ts'
import { explicit, implicit, joinBytes, sequence } from './der-writer.ts'
import { allowsName, constrainsOtherNames, readNameConstraints } from './name-constraints.ts'

const dns = (base: string): Uint8Array => sequence(implicit(2, Buffer.from(base)))
const ip = (address: string, mask: string): Uint8Array =>
  sequence(implicit(7, joinBytes(ipAddressBytes(address), ipAddressBytes(mask))))
const mail = sequence(implicit(1, Buffer.from('example.com')))

function constraints(permitted: readonly Uint8Array[], excluded: readonly Uint8Array[] = []) {
  const part = (number: number, trees: readonly Uint8Array[]) =>
    trees.length === 0 ? [] : [explicit(number, ...trees)]
  return readNameConstraints(sequence(...part(0, permitted), ...part(1, excluded)))
}

const cases = [
  {
    given: constraints([dns('example.com')]),
    allowed: ['example.com', 'a.b.example.com', '*.example.com', '192.0.2.1'],
    forbidden: ['example.net', 'badexample.com'],
  },
  {
    given: constraints([dns('.Example.com')]),
    allowed: ['a.example.com'],
    forbidden: ['example.com', 'a.example.net'],
  },
  { given: constraints([dns('')]), allowed: ['example.com'], forbidden: [] },
  {
    given: constraints([dns('a.test'), dns('b.test')]),
    allowed: ['a.test', 'x.b.test'],
    forbidden: ['c.test'],
  },
  {
    given: constraints([dns('example.com')], [dns('secret.example.com')]),
    allowed: ['www.example.com'],
    forbidden: ['secret.example.com', 'a.secret.example.com'],
  },
  { given: constraints([], [dns('')]), allowed: ['192.0.2.1'], forbidden: ['example.com'] },
  {
    given: constraints([ip('192.0.2.0', '255.255.255.0')]),
    allowed: ['192.0.2.255', 'example.com'],
    forbidden: ['192.0.3.0', '2001:db8::1'],
  },
  {
    given: constraints([], [ip('2001:db8::', 'ffff:ffff::')]),
    allowed: ['2001:db9::1', '192.0.2.1', 'example.com'],
    forbidden: ['2001:db8:1::1'],
  },
]

describe('name constraints', () => {
  for (const { given, allowed, forbidden } of cases) {
    for (const name of allowed) {
      it(`${JSON.stringify(given)} allow ${name}`, () => assert.ok(allowsName(given, parseIdentifier(name))))
    }
    for (const name of forbidden) {
      it(`${JSON.stringify(given)} forbid ${name}`, () =>
        assert.ok(!allowsName(given, parseIdentifier(name))))
    }
  }

  it('tells when they are on names of other kinds', () => {
    assert.ok(constrainsOtherNames(constraints([dns('example.com')], [mail])))
    assert.ok(!constrainsOtherNames(constraints([dns('example.com')], [ip('192.0.2.0', '255.255.255.0')])))
  })

  it('refuses what is malformed', () => {
    const formatError = { name: 'AppError', code: 'ERR_FORMAT' }
    const minimum = implicit(0, Uint8Array.of(1))
    for (const given of [
      sequence(explicit(2, dns('x'))),
      sequence(explicit(0, sequence(implicit(7, new Uint8Array(7))))),
      sequence(explicit(0, sequence(implicit(2, Buffer.from('x')), minimum))),
      sequence(explicit(0, sequence())),
    ]) {
      assert.throws(() => readNameConstraints(given), formatError)
    }
  })
})
