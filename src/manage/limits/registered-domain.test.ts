import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseIdentifier } from '../../acme/identifier.ts'
import { registeredDomains } from './registered-domain.ts'

const cases: readonly (readonly [given: string, expected: string])[] = [
  ['www.example.com', 'example.com'],
  ['example.com', 'example.com'],
  ['*.example.com', 'example.com'],
  ['a.b.example.co.uk', 'example.co.uk'],
  ['a.b.github.io', 'b.github.io'],
  ['github.io', 'github.io'],
  ['co.uk', 'co.uk'],
  ['a.b.c.kobe.jp', 'b.c.kobe.jp'],
  ['www.city.kobe.jp', 'city.kobe.jp'],
  ['host.of.nobody.invalid', 'nobody.invalid'],
  ['www.bücher.example', 'xn--bcher-kva.example'],
  ['192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::ffff', '2001:db8:1:2::/64'],
]
for (const [given, expected] of cases) {
  test(`${given} counts under ${expected}`, () => {
    assert.deepEqual(registeredDomains([parseIdentifier(given)]), [expected])
  })
}

test('names of one domain count once', () => {
  const names = ['www.example.com', 'example.com', 'a.example.net'].map(parseIdentifier)
  assert.deepEqual(registeredDomains(names), ['example.com', 'example.net'])
})
