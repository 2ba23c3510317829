import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError } from '../base/errors.ts'
import { secondMs } from '../base/instant.ts'
import { fakeClock } from '../testing/fake-clock.ts'
import { createConvoy } from './convoy.ts'
import type { Delivery, TargetResult } from './execute/deploy.ts'

const { signal } = new AbortController()
const deliveryOf = (name: string) => ({ spec: { name } }) as Delivery // nothing else of it is used
const good: TargetResult = { target: 'nginx', endpoints: [], notes: [] }
const bad = (name: string): TargetResult => ({ ...good, error: new AppError('ERR_NOT_SERVED', name) })
const wentBack: TargetResult = { ...bad('went back'), isOthersFault: true }

/** A convoy in which the deliveries of these names fail, and all others of the same journey with them. */
function convoyWith({ failing = [], throwing = [] }: { failing?: string[]; throwing?: string[] } = {}) {
  const journeys: string[] = []
  const clock = fakeClock()
  const convoy = createConvoy({
    clock,
    go: async deliveries => {
      const names = deliveries.map(({ spec }) => spec.name)
      journeys.push(names.join(' '))
      await Promise.resolve()
      const thrown = names.find(name => throwing.includes(name))
      if (thrown !== undefined) throw new AppError('ERR_STORE', thrown)
      const isBad = names.some(name => failing.includes(name))
      return names.map(name => [failing.includes(name) ? bad(name) : isBad ? wentBack : good])
    },
  })
  const deliver = async (...names: readonly string[]) => {
    try {
      const results = await convoy.deliver(names.map(deliveryOf), { signal })
      return results.map(([result]) => result?.error?.message ?? 'good').join(' ')
    } catch (error) {
      return error instanceof AppError ? `thrown: ${error.message}` : 'thrown'
    }
  }
  return { convoy, clock, journeys, deliver }
}

test('what is ready at the same time goes together, a pair as a whole', async () => {
  const { deliver, journeys } = convoyWith()
  const results = await Promise.all([deliver('a'), deliver('b', 'c'), deliver('d')])
  assert.deepEqual(results, ['good', 'good good', 'good'])
  assert.deepEqual(journeys, ['a b c d'])
  await deliver('e')
  assert.deepEqual(journeys, ['a b c d', 'e'])
})

test('it waits for those who are expected, as long as they come in time', async () => {
  const { convoy, clock, deliver, journeys } = convoyWith()
  const first = convoy.expect()
  const second = convoy.expect()
  const a = deliver('a')
  first[Symbol.dispose]()
  await clock.advance(10 * secondMs)
  assert.deepEqual(journeys, [])
  second[Symbol.dispose]()
  assert.deepEqual(await Promise.all([a, deliver('b')]), ['good', 'good'])
  assert.deepEqual(journeys, ['a b'])

  const late = convoy.expect()
  const c = deliver('c')
  await clock.advance(15 * secondMs)
  assert.equal(await c, 'good')
  late[Symbol.dispose]()
  assert.equal(await deliver('d'), 'good')
  assert.deepEqual(journeys, ['a b', 'c', 'd'])
})

test('one that fails is told so, and the others go again without it', async () => {
  const { deliver, journeys } = convoyWith({ failing: ['b'] })
  const results = await Promise.all(['a', 'b', 'c'].map(name => deliver(name)))
  assert.deepEqual(results, ['good', 'b', 'good'])
  assert.deepEqual(journeys, ['a b c', 'a c'])
})

test('when all fail, nothing is tried again', async () => {
  const { deliver, journeys } = convoyWith({ failing: ['a', 'b'] })
  assert.deepEqual(await Promise.all([deliver('a'), deliver('b')]), ['a', 'b'])
  assert.deepEqual(journeys, ['a b'])
})

test('when the journey itself breaks off, each goes alone', async () => {
  const { deliver, journeys } = convoyWith({ throwing: ['b'] })
  const results = await Promise.all(['a', 'b', 'c'].map(name => deliver(name)))
  assert.deepEqual(results, ['good', 'thrown: b', 'good'])
  assert.deepEqual(journeys, ['a b c', 'a', 'b', 'c'])
})
