import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dayMs, hourMs, instant, plusMs } from '../base/instant.ts'
import { type ForecastCertificate, forecastRenewals } from '../manage/limits/forecast.ts'
import { forecastJson, forecastText } from './forecast-text.ts'

const now = instant(Date.parse('2026-11-01T06:00:00Z'))
const certificate = (name: string, days: number): ForecastCertificate => ({
  name,
  ledger: 'ca',
  order: { account: 'ca', set: name, domains: ['example.com'], identifiers: [name], exemptions: [] },
  dueAt: plusMs(now, days * dayMs),
  renewal: { lifetimeMs: 90 * dayMs, exemptions: ['same-set'] },
})
const limits = { 'certificates-per-domain': { capacity: 5, refillMs: 24 * hourMs } }
const forecast = (certificates: readonly ForecastCertificate[]) =>
  forecastRenewals(certificates, {
    now,
    horizonMs: 30 * dayMs,
    ledgers: new Map([['ca', { ledger: new Map(), limits }]]),
  })
const crowded = forecast([...['a', 'b', 'c', 'd'].map(name => certificate(name, 0)), certificate('e', 9)])

test('the calendar has a line for each day with something in it', () => {
  assert.equal(
    forecastText(crowded),
    `DATE        DUE  ORDERS                        NAMES
2026-11-01  4    4       ####################  a, b, c and 1 more
2026-11-10  1    1       #####                 e

5 orders from 2026-11-01 to 2026-12-01; most on 2026-11-01: 4
`,
  )
})

test('what must wait is explained, up to a number', () => {
  const late = forecast(Array.from({ length: 26 }, (_, index) => certificate(`n${index}`, 0)))
  const text = forecastText(late)
  assert.match(
    text,
    /^what must wait for a limit:\nn5, due 2026-11-01T06:00:00Z: example\.com: the CA allows 5 certificates for one registered domain; the next one fits at 2026-11-02T06:01:00Z$/m,
  )
  assert.match(text, /^and 1 more that wait$/m)
})

test('nothing to come is one line', () => {
  assert.equal(forecastText(forecast([])), 'no certificate is due from 2026-11-01 to 2026-12-01\n')
})

test('the JSON has every day', () => {
  const { days, ...span } = forecastJson(crowded) as { readonly days: readonly unknown[] }
  assert.deepEqual(span, { from: '2026-11-01T06:00:00Z', to: '2026-12-01T06:00:00Z' })
  assert.equal(days.length, 31)
  assert.deepEqual(days[9], {
    date: '2026-11-10',
    orders: 1,
    due: [{ name: 'e', at: '2026-11-10T06:00:00Z' }],
    waiting: [],
  })
  const late = forecastJson(forecast(Array.from({ length: 6 }, (_, index) => certificate(`n${index}`, 0))))
  const [first] = late['days'] as readonly { readonly waiting: readonly unknown[] }[]
  assert.deepEqual(first?.waiting, [
    {
      name: 'n5',
      at: '2026-11-01T06:00:00Z',
      until: '2026-11-02T06:01:00Z',
      limit: 'certificates-per-domain',
      text: 'example.com: the CA allows 5 certificates for one registered domain; the next one fits at 2026-11-02T06:01:00Z',
    },
  ])
})
