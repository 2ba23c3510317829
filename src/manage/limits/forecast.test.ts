import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dayMs, formatInstant, hourMs, instant, plusMs } from '../../base/instant.ts'
import { type ForecastCertificate, forecastRenewals } from './forecast.ts'
import { latencyMs } from './ledger.ts'
import type { Limits } from './limit.ts'
import { limitsOf } from './published.ts'

const now = instant(Date.parse('2026-11-01T06:00:00Z'))
const certificate = (
  name: string,
  days: number,
  rest: Partial<ForecastCertificate> = {},
): ForecastCertificate => ({
  name,
  ledger: 'ca',
  order: {
    account: 'ca',
    set: name,
    domains: ['example.com'],
    identifiers: [name],
    exemptions: ['ari', 'same-set'],
  },
  dueAt: plusMs(now, days * dayMs),
  renewal: { lifetimeMs: 90 * dayMs, exemptions: ['ari', 'same-set'] },
  ...rest,
})
const fresh = { account: 'ca', set: 'x', domains: ['example.com'], identifiers: ['x'], exemptions: [] }
const isNew = (name: string) => certificate(name, -1, { order: { ...fresh, set: name, identifiers: [name] } })
const forecast = (
  certificates: readonly ForecastCertificate[],
  days: number,
  limits: Limits = limitsOf('https://acme-v02.api.letsencrypt.org/directory'),
) =>
  forecastRenewals(certificates, {
    now,
    horizonMs: days * dayMs,
    ledgers: new Map([['ca', { ledger: new Map(), limits }]]),
  })
const busy = ({ days }: ReturnType<typeof forecast>) =>
  days
    .filter(({ due, orders }) => due.length + orders > 0)
    .map(({ start, due, orders }) => {
      return [formatInstant(start).slice(0, 10), due.map(({ name }) => name).join(' '), orders]
    })

test('each certificate stands on the day on which it is due; what is overdue, on today', () => {
  assert.deepEqual(busy(forecast([certificate('a', 3), certificate('b', -5), certificate('c', 2.9)], 30)), [
    ['2026-11-01', 'b', 1],
    ['2026-11-04', 'c a', 2],
  ])
})

test('what is due again within the horizon comes again', () => {
  const short = certificate('short', 0, {
    renewal: { lifetimeMs: 6 * dayMs, exemptions: ['ari', 'same-set'] },
  })
  assert.deepEqual(
    busy(forecast([short], 10)).map(([day]) => day),
    ['2026-11-01', '2026-11-04', '2026-11-07', '2026-11-10'],
  )
})

test('the horizon ends it', () => {
  const { days, to } = forecast([certificate('a', 2), certificate('b', 2.001)], 2)
  assert.equal(to, plusMs(now, 2 * dayMs))
  assert.deepEqual(
    days.map(({ due }) => due.map(({ name }) => name)),
    [[], [], ['a']],
  )
})

test('what exceeds a limit waits in line, and the calendar says for what and until when', () => {
  const limits: Limits = { 'certificates-per-domain': { capacity: 2, refillMs: 24 * hourMs } }
  const { days } = forecast(['a', 'b', 'c', 'd'].map(isNew), 5, limits)
  assert.deepEqual(
    days.map(({ orders }) => orders),
    [2, 1, 1, 0, 0, 0],
  )
  assert.deepEqual(
    days[0]?.waiting.map(({ name, wait }) => [name, wait.limit, wait.until]),
    [
      ['c', 'certificates-per-domain', plusMs(now, 24 * hourMs + latencyMs)],
      ['d', 'certificates-per-domain', plusMs(now, 48 * hourMs + latencyMs)],
    ],
  )
  assert.deepEqual(
    days.slice(1).flatMap(({ waiting }) => waiting),
    [],
  )
})

test('who waits for one limit may have to wait for another after it', () => {
  const limits: Limits = {
    'new-orders': { capacity: 1, refillMs: 24 * hourMs },
    'certificates-per-domain': { capacity: 1, refillMs: 48 * hourMs },
  }
  const other = { ...isNew('c').order, domains: ['example.net'] }
  const between = certificate('c', 1.99, { order: other })
  const { days } = forecast([isNew('a'), isNew('b'), between], 5, limits)
  assert.deepEqual(
    days.map(({ orders }) => orders),
    [1, 0, 1, 1, 0, 0],
  )
  assert.deepEqual(
    days.map(({ waiting }) => waiting.map(({ name, wait }) => `${name} ${wait.limit}`).join()),
    ['b certificates-per-domain', '', 'b new-orders', '', '', ''],
  )
})

test('another CA has limits of its own, or none', () => {
  const limits: Limits = { 'new-orders': { capacity: 1, refillMs: 30 * dayMs } }
  const elsewhere = { ...isNew('c'), ledger: 'other' }
  const { days } = forecast([isNew('a'), isNew('b'), elsewhere], 3, limits)
  assert.deepEqual(
    days[0]?.waiting.map(({ name }) => name),
    ['b'],
  )
  assert.equal(days[0]?.orders, 2)
})

test('nothing to come is a calendar of empty days', () => {
  assert.deepEqual(busy(forecast([], 60)), [])
  assert.equal(forecast([], 60).days.length, 61)
})
