import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { nodeClock } from './clock.ts'

const clock = nodeClock()

describe('node clock', () => {
  it('tells the time and how it passes', async () => {
    assert.ok(Math.abs(clock.now() - Date.now()) < 1_000)
    const before = clock.monotonic()
    await clock.sleep(20)
    assert.ok(clock.monotonic() - before >= 20)
  })

  it('rejects with the reason of the signal, before and during a sleep', async () => {
    const reason = new Error('stop')
    await assert.rejects(clock.sleep(60_000, AbortSignal.abort(reason)), reason)
    const controller = new AbortController()
    const sleeping = clock.sleep(60_000, controller.signal)
    controller.abort(reason)
    await assert.rejects(sleeping, reason)
  })

  it('neither ends at once nor spins for what is longer than a timer can be', async () => {
    const warnings: Error[] = []
    const onWarning = (warning: Error): void => void warnings.push(warning)
    process.on('warning', onWarning)
    const controller = new AbortController()
    const sleeping = clock.sleep(2 ** 40, controller.signal)
    const first = await Promise.race([sleeping.then(() => 'slept'), clock.sleep(20).then(() => 'sleeps')])
    process.off('warning', onWarning)
    assert.equal(first, 'sleeps')
    assert.deepEqual(warnings, []) // Node warns of timers that overflow
    controller.abort()
    await assert.rejects(sleeping)
  })
})
