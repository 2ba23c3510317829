import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dayMs, formatInstant, hourMs, instant, plusMs } from '../../base/instant.ts'
import { readRefusal } from './refusal.ts'

const now = instant(Date.parse('2026-11-01T00:00:00Z'))
const retryAt = plusMs(now, dayMs)
const cases = [
  {
    detail:
      'too many new orders (300) from this account in the last 3h0m0s, retry after 2026-11-01 00:00:36 UTC: see https://ca.example/limits',
    expected: { limit: 'new-orders', until: '2026-11-01T00:00:36Z' },
  },
  {
    detail:
      'too many certificates (50) already issued for "example.com" in the last 168h0m0s, retry after 2026-11-01 03:22:00 UTC',
    expected: { limit: 'certificates-per-domain', subject: 'example.com', until: '2026-11-01T03:22:00Z' },
  },
  {
    detail:
      'too many certificates (5) already issued for this exact set of identifiers in the last 168h0m0s, retry after 2026-11-02 10:00:00 UTC',
    expected: { limit: 'certificates-per-set', until: '2026-11-02T10:00:00Z' },
  },
  {
    detail:
      'too many failed authorizations (5) for "www.example.com" in the last 1h0m0s, retry after 2026-11-01 00:12:00 UTC',
    expected: { limit: 'failed-validations', subject: 'www.example.com', until: '2026-11-01T00:12:00Z' },
  },
  {
    detail:
      'too many new registrations (10) from this IP address in the last 3h0m0s, retry after 2026-11-01 00:18:00 UTC',
    expected: { limit: 'new-accounts', until: '2026-11-01T00:18:00Z' },
  },
  { detail: 'Service busy; retry later.', expected: { until: formatInstant(retryAt) } },
  { detail: 'too many new orders', expected: { limit: 'new-orders', until: formatInstant(retryAt) } },
  { detail: 'no, retry after 2035-01-01 00:00:00 UTC', expected: { until: '2026-11-08T00:00:00Z' } },
  { detail: 'no, retry after 2025-01-01 00:00:00 UTC', expected: { until: '2026-11-01T00:00:00Z' } },
  { detail: 'no, retry after 2026-13-99 00:00:00 UTC', expected: { until: formatInstant(retryAt) } },
]
for (const { detail, expected } of cases) {
  test(`"${detail.slice(0, 60)}": ${expected.limit ?? 'no known limit'} until ${expected.until}`, () => {
    const { until, ...rest } = readRefusal(detail, { retryAt, now })
    assert.deepEqual({ ...rest, until: formatInstant(until) }, expected)
  })
}

test('without any time it is an hour', () => {
  assert.deepEqual(readRefusal('paused', { retryAt: undefined, now }), { until: plusMs(now, hourMs) })
})
