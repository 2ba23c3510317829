import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { instant } from '../../base/instant.ts'
import { createEventQueue } from './event-queue.ts'

test('events come in the order of their times, whenever they were put in', () => {
  // A number is put in, `undefined` takes one out.
  const script = fc.array(fc.option(fc.nat(20), { nil: undefined }), { maxLength: 100 })
  fc.assert(
    fc.property(script, steps => {
      const queue = createEventQueue(steps.length)
      let sorted: { readonly at: number; readonly item: number }[] = []
      for (const [item, at] of steps.entries()) {
        if (at === undefined) assert.equal(queue.pop(), sorted.shift()?.item)
        else {
          queue.push(instant(at), item)
          sorted = [...sorted, { at, item }].sort((a, b) => a.at - b.at || a.item - b.item)
        }
        assert.equal(queue.size, sorted.length)
        assert.equal(queue.nextAt(), sorted[0]?.at)
      }
    }),
  )
})

test('more than it was made for does not go in', () => {
  const queue = createEventQueue(1)
  queue.push(instant(1), 7)
  assert.throws(() => queue.push(instant(2), 8), RangeError)
  assert.equal(queue.pop(), 7)
})
