import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AcmeProblemError } from '../acme/problem.ts'
import { AppError } from '../base/errors.ts'
import { instant, plusMs } from '../base/instant.ts'
import { faultBackoff, pauseAfter } from './retries.ts'

const now = instant(1_900_000_000_000)
const problem = (status: number, afterMs?: number) =>
  new AcmeProblemError(
    'refused',
    { type: 'about:blank', status },
    {
      retryAt: afterMs === undefined ? undefined : plusMs(now, afterMs),
    },
  )
const network = new AppError('ERR_NETWORK', 'down')
const lost = new AppError('ERR_REPLY_LOST', 'gone')

const cases = [
  { name: 'a network fault', error: network, pauseMs: 1_000 },
  {
    name: 'a fault that lasts',
    error: new AppError('ERR_NETWORK', 'not trusted', { lasting: true }),
    pauseMs: undefined,
  },
  { name: 'a timeout', error: new AppError('ERR_TIMEOUT', 'slow'), pauseMs: 1_000 },
  { name: 'a second fault', error: network, attempt: 2, pauseMs: 3_000 },
  { name: 'a third fault', error: network, attempt: 3, pauseMs: 9_000 },
  { name: 'a fourth fault', error: network, attempt: 4, pauseMs: undefined },
  { name: 'a lost reply to what may be repeated', error: lost, pauseMs: 1_000 },
  { name: 'a lost reply to an effect', error: lost, repeatable: false, pauseMs: undefined },
  { name: 'status 500', error: problem(500), pauseMs: 1_000 },
  { name: 'status 503 with Retry-After 7 s', error: problem(503, 7_000), pauseMs: 7_000 },
  { name: 'status 503 with Retry-After 10 s', error: problem(503, 10_000), pauseMs: 10_000 },
  { name: 'status 503 with Retry-After 11 s', error: problem(503, 11_000), pauseMs: undefined },
  { name: 'status 500 with Retry-After in the past', error: problem(500, -5_000), pauseMs: 0 },
  { name: 'status 429 with Retry-After 2 s', error: problem(429, 2_000), pauseMs: 2_000 },
  { name: 'status 429 with Retry-After 1 h', error: problem(429, 3_600_000), pauseMs: undefined },
  { name: 'status 429 alone', error: problem(429), pauseMs: undefined },
  { name: 'a fourth 429', error: problem(429, 2_000), attempt: 4, pauseMs: undefined },
  { name: 'status 403', error: problem(403), pauseMs: undefined },
  { name: 'status 403 with Retry-After', error: problem(403, 2_000), pauseMs: undefined },
  { name: 'an invalid reply', error: new AppError('ERR_REPLY_INVALID', 'odd'), pauseMs: undefined },
  { name: 'a cancellation', error: new AppError('ERR_ABORTED', 'stop'), pauseMs: undefined },
  { name: 'a mistake of ours', error: new TypeError('oops'), pauseMs: undefined },
]
for (const { name, error, attempt = 1, repeatable = true, pauseMs } of cases) {
  test(`after ${name}: ${pauseMs === undefined ? 'give up' : `again in ${pauseMs} ms`}`, () => {
    assert.equal(pauseAfter(error, { attempt, repeatable, now, fraction: 0.5 }), pauseMs)
  })
}

test('pauses vary by half and stay below their ceiling', () => {
  for (const attempt of [1, 2, 3]) {
    const least = pauseAfter(network, { attempt, repeatable: true, now, fraction: 0 })
    const most = pauseAfter(network, { attempt, repeatable: true, now, fraction: 0.999 })
    assert.ok(least !== undefined && most !== undefined && least < most && most <= faultBackoff.maxMs)
  }
})
