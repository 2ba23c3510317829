import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fakeClock } from './fake-clock.ts'

describe('fake clock', () => {
  it('ends sleeps in the order of their ends, each at its own time', async () => {
    const clock = fakeClock()
    const start = clock.now()
    const log: string[] = []
    const sleeper = async (name: string, ms: number): Promise<void> => {
      await clock.sleep(ms)
      log.push(`${name} ${clock.now() - start}`)
    }
    const all = [sleeper('long', 50), sleeper('short', 20)]
    await clock.advance(19)
    assert.deepEqual(log, [])
    assert.equal(clock.sleepers, 2)
    await clock.advance(81)
    assert.deepEqual(log, ['short 20', 'long 50'])
    assert.equal(clock.now() - start, 100)
    await Promise.all(all)
  })

  it('ends a sleep that begins while the clock is moved', async () => {
    const clock = fakeClock()
    const twice = (async () => {
      await clock.sleep(10)
      await clock.sleep(10)
      return clock.monotonic()
    })()
    await clock.advance(30)
    assert.equal(await twice, 20)
  })

  it('takes work through all its sleeps, those that overlap in the order of their ends', async () => {
    const clock = fakeClock()
    const log: string[] = []
    const deadline = new AbortController()
    const work = async (): Promise<string> => {
      const late = clock.sleep(20_000, deadline.signal).then(
        () => log.push('late'),
        () => log.push('in time'),
      )
      for (const step of [1, 2, 3]) {
        await clock.sleep(5_000)
        log.push(`step ${step}`)
      }
      deadline.abort()
      await late
      return 'done'
    }
    assert.equal(await clock.through(work()), 'done')
    assert.deepEqual(log, ['step 1', 'step 2', 'step 3', 'in time'])
    assert.equal(clock.monotonic(), 15_000)
    await assert.rejects(clock.through(clock.sleep(1).then(() => Promise.reject(new Error('no')))), /no/)
  })

  it('rejects with the reason of the signal, before and during a sleep', async () => {
    for (const autoAdvance of [false, true]) {
      const clock = fakeClock({ autoAdvance })
      const reason = new Error('stop')
      await assert.rejects(clock.sleep(10, AbortSignal.abort(reason)), reason)
      const controller = new AbortController()
      const sleeping = clock.sleep(10, controller.signal)
      controller.abort(reason)
      await assert.rejects(sleeping, reason)
      assert.equal(clock.sleepers, 0)
    }
  })

  it('takes the clock along when it advances by itself', async () => {
    const clock = fakeClock({ autoAdvance: true })
    await Promise.all([clock.sleep(1_000), clock.sleep(400)])
    assert.equal(clock.monotonic(), 1_000)
  })

  it('jumps with the wall clock alone', () => {
    const clock = fakeClock()
    const before = clock.now()
    clock.jump(-5_000)
    assert.equal(clock.now() - before, -5_000)
    assert.equal(clock.monotonic(), 0)
  })
})
