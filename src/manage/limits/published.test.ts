import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hourMs, secondMs } from '../../base/instant.ts'
import { parseLimitSize } from './limit.ts'
import { ledgerName, limitsOf } from './published.ts'

const production = 'https://acme-v02.api.letsencrypt.org/directory'
const staging = 'https://acme-staging-v02.api.letsencrypt.org/directory'

test("Let's Encrypt has limits, its staging higher ones, and of a CA without published ones none are known", () => {
  assert.deepEqual(limitsOf(production)['new-orders'], parseLimitSize('300 / 3h'))
  assert.deepEqual(limitsOf(staging)['new-orders'], parseLimitSize('1500 / 3h'))
  assert.deepEqual(limitsOf('https://ca.example/directory'), {})
  assert.deepEqual(limitsOf('embedded'), {})
})

test('the configuration knows better', () => {
  const granted = { capacity: 1_000, refillMs: 10 * secondMs }
  const { 'new-orders': orders, ...rest } = limitsOf(production, {
    'new-orders': granted,
    'new-accounts': 'none',
  })
  assert.deepEqual(orders, granted)
  assert.equal(rest['new-accounts'], undefined)
  assert.deepEqual(rest['certificates-per-set'], limitsOf(production)['certificates-per-set'])
  assert.deepEqual(limitsOf('https://ca.example/directory', { 'new-orders': granted }), {
    'new-orders': granted,
  })
})

test('one directory has one ledger, whatever the configuration calls it', () => {
  assert.equal(ledgerName(production), 'letsencrypt')
  assert.equal(ledgerName('embedded'), 'embedded')
  assert.match(ledgerName('https://ca.example/directory'), /^ca\.example-[0-9a-f]{8}$/)
})

for (const [text, capacity, refillMs] of [
  ['300 / 3 h', 300, 36 * secondMs],
  ['1/7d', 1, 168 * hourMs],
] as const) {
  test(`${text} is ${capacity} at once and one each ${refillMs} ms`, () => {
    assert.deepEqual(parseLimitSize(text), { capacity, refillMs })
  })
}

for (const text of ['', '300', '300 /', '/ 3 h', '0 / 3 h', '5 / 0 s', '-5 / 3 h', '1.5 / 3 h', '5 / soon']) {
  test(`"${text}" is no limit`, () => {
    assert.throws(() => parseLimitSize(text), { code: 'ERR_FORMAT' })
  })
}
