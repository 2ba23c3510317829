import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createLimit } from './limit.ts'

describe('limit', () => {
  it('runs so many at a time, in the order of arrival', async () => {
    const limit = createLimit(2)
    const jobs = [0, 1, 2, 3].map(() => Promise.withResolvers<void>())
    const started: number[] = []
    const all = jobs.map(({ promise }, index) =>
      limit(undefined, async () => {
        started.push(index)
        await promise
      }),
    )
    assert.deepEqual(started, [0, 1])
    jobs[1]?.resolve()
    await all[1]
    await new Promise(setImmediate)
    assert.deepEqual(started, [0, 1, 2])
    for (const job of jobs) job.resolve()
    await Promise.all(all)
    assert.deepEqual(started, [0, 1, 2, 3])
  })

  it('frees its place after a failure', async () => {
    const limit = createLimit(1)
    const failure = new Error('failed')
    await assert.rejects(
      limit(undefined, async () => {
        throw failure
      }),
      failure,
    )
    assert.equal(await limit(undefined, async () => 'next'), 'next')
  })

  it('takes those who are cancelled out of the line', async () => {
    const limit = createLimit(1)
    const job = Promise.withResolvers<void>()
    const first = limit(undefined, () => job.promise)
    const controller = new AbortController()
    const second = limit(controller.signal, async () => 'second')
    const third = limit(undefined, async () => 'third')
    controller.abort()
    await assert.rejects(second, { code: 'ERR_ABORTED' })
    job.resolve()
    await first
    assert.equal(await third, 'third')
  })
})
