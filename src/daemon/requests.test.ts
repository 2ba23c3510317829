import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeClock } from '../testing/fake-clock.ts'
import { createBell } from './bell.ts'
import { createRequests } from './requests.ts'

test('requests are kept until they are taken, equal ones once', () => {
  let arrivals = 0
  const requests = createRequests(() => (arrivals += 1))
  assert.deepEqual(requests.take(), { reload: false, look: undefined })
  requests.reload()
  requests.look('all')
  requests.reload()
  assert.deepEqual(requests.take(), { reload: true, look: 'all' })
  assert.deepEqual(requests.take(), { reload: false, look: undefined })
  requests.look(['a'])
  requests.look('all')
  requests.look(['b', 'a'])
  assert.deepEqual(requests.take(), { reload: false, look: ['a', 'b'] })
  assert.equal(arrivals, 6)
})

test('a bell ends the sleep, or the next one', async () => {
  const clock = fakeClock()
  const bell = createBell({ clock })
  let slept = 0
  const sleep = async () => {
    await bell.sleep(1_000)
    slept += 1
  }
  const first = sleep()
  bell.ring()
  await first
  bell.ring()
  await sleep()
  const third = sleep()
  await clock.advance(999)
  assert.equal(slept, 2)
  await clock.advance(1)
  await third
  assert.equal(clock.sleepers, 0)
})
