import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError } from '../../base/errors.ts'
import { dayMs, hourMs, instant, minuteMs, plusMs } from '../../base/instant.ts'
import { countFailure, retryDelayMs } from './retry-time.ts'

const now = instant(Date.parse('2026-11-21T00:00:00Z'))
const error = new AppError('ERR_NETWORK', 'no answer', { hint: 'look at the network' })

test('pauses grow from a minute to a day, and stay there', () => {
  const pauses = [1, 2, 3, 4, 5, 100].map(count => retryDelayMs(count, 0.5))
  assert.deepEqual(pauses, [minuteMs, 10 * minuteMs, 100 * minuteMs, dayMs, dayMs, dayMs])
  assert.equal(retryDelayMs(1, 0), 0.9 * minuteMs)
  assert.equal(Math.round(retryDelayMs(1, 0.999_999)), 1.1 * minuteMs)
})

test('a short life has short pauses', () => {
  const hours = (count: number, lifetimeMs: number) => retryDelayMs(count, 0.5, lifetimeMs) / hourMs
  assert.equal(hours(4, 90 * dayMs), 24)
  assert.equal(hours(4, 6 * dayMs), 7.2)
  assert.equal(hours(9, dayMs), 1.2)
  assert.equal(retryDelayMs(4, 0.5, minuteMs), minuteMs)
})

test('failures of the same thing are counted on; of another they begin anew', () => {
  const first = countFailure(error, undefined, { basis: 'a', now, fraction: 0.5 })
  const later = plusMs(now, minuteMs)
  const second = countFailure(error, first, { basis: 'a', now: later, fraction: 0.5 })
  assert.deepEqual(first, {
    basis: 'a',
    count: 1,
    since: now,
    last: { at: now, code: 'ERR_NETWORK', message: 'no answer', hint: 'look at the network' },
    retryAt: plusMs(now, minuteMs),
  })
  assert.deepEqual([second.count, second.since, second.retryAt], [2, now, plusMs(later, 10 * minuteMs)])
  assert.equal(countFailure(error, second, { basis: 'b', now: later, fraction: 0.5 }).count, 1)
})

test('what the CA asks for is kept, and never shortens our own pause', () => {
  for (const [askedMs, expectedMs] of [
    [hourMs, hourMs],
    [1_000, minuteMs],
  ] as const) {
    const limited = new AppError('ERR_RATE_LIMITED', 'later', { retryAt: plusMs(now, askedMs) })
    const failed = countFailure(limited, undefined, { basis: 'a', now, fraction: 0.5 })
    assert.equal(failed.retryAt, plusMs(now, expectedMs))
    assert.equal(failed.authorityRetryAt, plusMs(now, askedMs))
  }
})
