import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Instant, instant, minuteMs, plusMs } from '../../base/instant.ts'
import { availableAt, emptyUntil, giveBack, postpone, take } from './bucket.ts'

const start = instant(Date.parse('2026-11-01T00:00:00Z'))
const size = { capacity: 3, refillMs: 10 * minuteMs }
const at = (minutes: number) => plusMs(start, minutes * minuteMs)
const minutes = (when: Instant | undefined) => when && (when - start) / minuteMs
const afterTaking = (...times: readonly number[]) =>
  times.reduce<Instant | undefined>((fullAt, time) => take(fullAt, size, at(time)), undefined)

const cases: readonly {
  readonly taken: readonly number[]
  readonly now: number
  readonly available: number
}[] = [
  { taken: [], now: 5, available: 5 },
  { taken: [0, 0], now: 0, available: 0 },
  { taken: [0, 0, 0], now: 0, available: 10 },
  { taken: [0, 0, 0], now: 10, available: 10 },
  { taken: [0, 0, 0, 10], now: 10, available: 20 },
  { taken: [0, 0, 0, 0, 0], now: 0, available: 30 },
  { taken: [0, 0, 0], now: 30, available: 30 },
  { taken: [0, 0, 0, 30, 30], now: 30, available: 30 },
  { taken: [0, 0, 0, 30, 30, 30], now: 30, available: 40 },
]
for (const { taken, now, available } of cases) {
  test(`3 tokens, one each 10 min, taken at [${taken.join(', ')}]: at ${now} the next is there at ${available}`, () => {
    assert.equal(minutes(availableAt(afterTaking(...taken), size, at(now))), available)
  })
}

test('what is given back at once was never taken', () => {
  const before = afterTaking(0, 1)
  const after = giveBack(take(before, size, at(2)), size, { takenAt: at(2), now: at(3) })
  assert.equal(after, before)
})

test('after the time of a refill nothing is given back: the token has come back by itself', () => {
  const fullAt = afterTaking(0, 20)
  assert.equal(giveBack(fullAt, size, { takenAt: at(0), now: at(20) }), fullAt)
  assert.equal(giveBack(undefined, size, { takenAt: at(0), now: at(5) }), undefined)
})

test('a token that the CA counts later fills later', () => {
  assert.equal(minutes(postpone(afterTaking(0), size, { takenAt: at(0), now: at(4) })), 14)
  assert.equal(minutes(postpone(afterTaking(0), size, { takenAt: at(0), now: at(40) })), 50)
  assert.equal(minutes(postpone(afterTaking(0, 0, 0), size, { takenAt: at(0), now: at(12) })), 40)
  assert.equal(minutes(postpone(undefined, size, { takenAt: at(0), now: at(40) })), 50)
})

test('there is no token before the time that a refusal names, and one then', () => {
  for (const fullAt of [undefined, afterTaking(0, 0)]) {
    const refused = emptyUntil(fullAt, size, at(25))
    assert.equal(minutes(availableAt(refused, size, at(1))), 25)
  }
  const later = afterTaking(0, 0, 0, 0, 0)
  assert.equal(emptyUntil(later, size, at(1)), later)
})

const sizes = fc.record({
  capacity: fc.integer({ min: 1, max: 20 }),
  refillMs: fc.integer({ min: 1, max: 1000 }),
})
const gaps = fc.array(fc.integer({ min: 0, max: 3_000 }), { maxLength: 60 })

test('in no window does a bucket give more than its capacity and its refill', () => {
  fc.assert(
    fc.property(sizes, gaps, (any, waits) => {
      let now = start
      let fullAt: Instant | undefined
      const given: Instant[] = []
      for (const wait of waits) {
        now = plusMs(now, wait)
        if (availableAt(fullAt, any, now) > now) continue
        fullAt = take(fullAt, any, now)
        given.push(now)
      }
      for (const [first, from] of given.entries()) {
        for (const [last, to] of given.entries()) {
          if (last < first) continue
          const count = last - first + 1
          assert.ok(count <= any.capacity + Math.floor((to - from) / any.refillMs))
        }
      }
    }),
  )
})

test('a bucket gives whatever the log of its window allows: it is not stricter than it says', () => {
  fc.assert(
    fc.property(sizes, gaps, (any, waits) => {
      let now = start
      let fullAt: Instant | undefined
      const given: Instant[] = []
      for (const wait of waits) {
        now = plusMs(now, wait)
        // With one more at `now`, does some window that ends here hold too many?
        const tooMany = [...given, now].some(
          (from, first, all) => all.length - first > any.capacity + Math.floor((now - from) / any.refillMs),
        )
        assert.equal(availableAt(fullAt, any, now) <= now, !tooMany)
        if (tooMany) continue
        fullAt = take(fullAt, any, now)
        given.push(now)
      }
    }),
  )
})
