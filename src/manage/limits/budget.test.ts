import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseIdentifier } from '../../acme/identifier.ts'
import { AcmeProblemError } from '../../acme/problem.ts'
import { hourMs, minuteMs, plusMs, secondMs } from '../../base/instant.ts'
import { fakeRuntime } from '../../testing/fake-runtime.ts'
import type { Authority } from '../spec.ts'
import { createBudget } from './budget.ts'

const authority: Authority = {
  id: 'ca',
  directory: 'https://ca.example/dir',
  limits: {
    'new-orders': { capacity: 2, refillMs: hourMs },
    'failed-validations': { capacity: 1, refillMs: hourMs },
    'new-accounts': { capacity: 1, refillMs: hourMs },
  },
}
const names = ['a.example', 'b.example'].map(parseIdentifier)
const { signal } = new AbortController()

function setUp() {
  const runtime = fakeRuntime({}, { autoAdvance: true })
  const warnings: string[] = []
  const onWarning = (text: string) => void warnings.push(text)
  // Each call is another process: what counts is on the disk.
  const budget = () => createBudget(authority, { state: '/state', onWarning, signal }, runtime)
  return { budget, runtime, warnings }
}

const limited = (retryAt?: ReturnType<typeof plusMs>) =>
  new AcmeProblemError(
    'ca.example refused to create an order',
    { type: 'urn:ietf:params:acme:error:rateLimited', detail: 'slow down', status: 429 },
    { code: 'ERR_RATE_LIMITED', retryAt },
  )

test('an order that would be refused is not sent, and when it may be is said', async () => {
  const { budget, runtime } = setUp()
  const start = runtime.clock.now()
  await (await budget().claim(names, [])).issued()
  await budget().claim(names, [])
  await assert.rejects(budget().claim(names, []), error => {
    assert.ok(error instanceof Error && 'retryAt' in error && 'code' in error)
    assert.equal(error.code, 'ERR_RATE_LIMITED')
    assert.match(error.message, /^ca was not asked: /)
    const retryAt = Number(error.retryAt)
    assert.ok(retryAt >= start + hourMs && retryAt <= start + hourMs + 2 * minuteMs, String(retryAt - start))
    return true
  })
  runtime.clock.jump(hourMs + 2 * minuteMs)
  await budget().claim(names, [])
})

test('a renewal that the CA advised is exempt', async () => {
  const { budget } = setUp()
  for (let count = 0; count < 5; count += 1) await budget().claim(names, ['ari'])
})

test('a name that was not validated is not tried again at once; others are', async () => {
  const { budget } = setUp()
  await (await budget().claim(names, [])).failed(['a.example'])
  await assert.rejects(budget().claim(names.slice(0, 1), []), { code: 'ERR_RATE_LIMITED' })
  await budget().claim(names.slice(1), [])
})

test('what an earlier process ordered is settled by a later one', async () => {
  const { budget, runtime } = setUp()
  const orderedAt = runtime.clock.now()
  await budget().claim(names, [])
  await (await budget().resume(names, orderedAt)).failed(['b.example'])
  await assert.rejects(budget().claim(names.slice(1), []), { code: 'ERR_RATE_LIMITED' })
})

test('a refusal is kept until the time that the CA named', async () => {
  const { budget, runtime } = setUp()
  const retryAt = plusMs(runtime.clock.now(), 5 * hourMs)
  await (await budget().claim(names, [])).refused(limited(retryAt))
  await assert.rejects(budget().claim(names, []), { code: 'ERR_RATE_LIMITED', retryAt })
  runtime.clock.jump(5 * hourMs + secondMs)
  await budget().claim(names, [])
})

test('an order whose fate is unknown keeps its tokens', async () => {
  const { budget } = setUp()
  for (let count = 0; count < 2; count += 1)
    await (await budget().claim(names, [])).refused(new Error('lost'))
  await assert.rejects(budget().claim(names, []), { code: 'ERR_RATE_LIMITED' })
})

test('accounts are registered within their limit', async () => {
  const { budget } = setUp()
  assert.equal(await budget().account(async () => 'registered'), 'registered')
  let asked = false
  const again = budget().account(async () => {
    asked = true
  })
  await assert.rejects(again, { code: 'ERR_RATE_LIMITED' })
  assert.equal(asked, false)
})

test('an account that is refused is not asked for before the CA allows it', async () => {
  const { budget, runtime } = setUp()
  const error = limited(plusMs(runtime.clock.now(), 3 * hourMs))
  await assert.rejects(
    budget().account(() => Promise.reject(error)),
    error,
  )
  runtime.clock.jump(2 * hourMs)
  await assert.rejects(
    budget().account(async () => {}),
    { code: 'ERR_RATE_LIMITED' },
  )
})

test('a disk that is full stops no order', async () => {
  const { budget, runtime, warnings } = setUp()
  runtime.files.replace = () => Promise.reject(Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' }))
  await budget().claim(names, [])
  assert.match(warnings.join(), /are not kept: .*ENOSPC/)
})
