import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hourMs, instant, minuteMs, plusMs } from '../../base/instant.ts'
import { latencyMs } from './ledger.ts'
import type { Limits } from './limit.ts'
import type { OrderFacts } from './order-facts.ts'
import { planWithin } from './plan-within.ts'

const now = instant(Date.parse('2026-11-01T00:00:00Z'))
const limits: Limits = {
  'new-orders': { capacity: 4, refillMs: 10 * minuteMs },
  'certificates-per-domain': { capacity: 2, refillMs: hourMs },
}
const order = (set: string, domain: string, ...exemptions: OrderFacts['exemptions']): OrderFacts => ({
  account: 'ours',
  set,
  domains: [domain],
  identifiers: [set],
  exemptions,
})
/** Minutes to wait, without the allowance for the way to the CA. */
const minutes = (orders: readonly OrderFacts[]) =>
  planWithin(new Map(), orders, limits, now).map(wait =>
    wait === undefined ? 0 : (wait.until - now - latencyMs) / minuteMs,
  )

test('those of one domain queue there, and the others pass', () => {
  const orders = [
    order('1', 'a'),
    order('2', 'a'),
    order('3', 'a'),
    order('4', 'a'),
    order('5', 'b'),
    order('6', 'b'),
  ]
  assert.deepEqual(minutes(orders), [0, 0, 60, 120, 0, 0])
})

test('those of one account queue there', () => {
  const orders = Array.from({ length: 7 }, (_, index) => order(`${index}`, `${index}`))
  assert.deepEqual(minutes(orders), [0, 0, 0, 0, 10, 20, 30])
})

test('renewals neither queue nor take a place', () => {
  const renewals = Array.from({ length: 9 }, (_, index) => order(`r${index}`, 'a', 'same-set'))
  assert.deepEqual(minutes([...renewals, order('1', 'a'), order('2', 'a'), order('3', 'a')]), [
    ...renewals.map(() => 0),
    ...[0, 0, 60],
  ])
})

test('the plan leaves the ledger as it is', () => {
  const ledger = new Map([['new-orders:ours', plusMs(now, minuteMs)]])
  planWithin(ledger, [order('1', 'a')], limits, now)
  assert.deepEqual([...ledger], [['new-orders:ours', plusMs(now, minuteMs)]])
})
