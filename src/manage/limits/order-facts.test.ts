import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseIdentifier } from '../../acme/identifier.ts'
import { dayMs, instant, plusMs } from '../../base/instant.ts'
import { orderExemptions, orderFacts } from './order-facts.ts'
import { limitsOf } from './published.ts'

const now = instant(Date.parse('2026-11-01T00:00:00Z'))
const names = (...texts: readonly string[]) => texts.map(parseIdentifier)
const limits = limitsOf('https://acme-v02.api.letsencrypt.org/directory')
const from = (...texts: readonly string[]) =>
  orderFacts(names(...texts), { account: 'ours', exemptions: [], limits })

test('a set is the same in any order, and with a name twice', async () => {
  const { set } = await from('a.example.com', 'b.example.com')
  assert.equal((await from('b.example.com', 'a.example.com', 'b.example.com')).set, set)
  assert.notEqual((await from('a.example.com')).set, set)
  assert.notEqual((await from('*.a.example.com', 'b.example.com')).set, set)
})

test('a wildcard is validated under the name below it', async () => {
  const facts = await from('example.com', '*.example.com')
  assert.deepEqual(facts.identifiers, ['example.com'])
  assert.deepEqual(facts.domains, ['example.com'])
})

test('without a limit per domain nobody asks for the domain', async () => {
  const facts = await orderFacts(names('www.example.com'), { account: 'ours', exemptions: [], limits: {} })
  assert.deepEqual(facts.domains, [])
})

const set = names('a.example', 'b.example')
const window = { start: plusMs(now, -dayMs), end: plusMs(now, dayMs) }
const issued = (days: number, identifiers = set) => ({ identifiers, notBefore: plusMs(now, -days * dayMs) })
const cases = [
  { name: 'the first certificate', expected: [] },
  { name: 'the same set as 119 days ago', issued: [issued(119)], expected: ['same-set'] },
  { name: 'the same set as 120 days ago', issued: [issued(120)], expected: [] },
  { name: 'one name fewer', issued: [issued(1, names('a.example'))], expected: [] },
  { name: 'the same names in another order', issued: [issued(1, set.toReversed())], expected: ['same-set'] },
  { name: 'within the window', window, issued: [issued(60)], expected: ['ari', 'same-set'] },
  { name: 'another set within the window', window, issued: [], expected: ['ari'] },
  { name: 'the instant at which the window begins', window: { ...window, start: now }, expected: ['ari'] },
  { name: 'the instant at which the window ends', window: { ...window, end: now }, expected: [] },
  { name: 'before the window', window: { start: plusMs(now, 1), end: window.end }, expected: [] },
]
for (const { name, expected, issued: earlier = [], window: advised } of cases) {
  test(`${name}: exempt by [${expected.join(', ')}]`, () => {
    assert.deepEqual(orderExemptions(set, { window: advised, issued: earlier, now }), expected)
  })
}
