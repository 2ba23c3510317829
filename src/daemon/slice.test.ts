import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dayMs, hourMs, instant, minuteMs, plusMs, secondMs } from '../base/instant.ts'
import { nextSlice } from './slice.ts'

const start = instant(Date.UTC(2030, 0, 1))
const since = { wall: start, monotonicMs: 1_000 }

/** The clocks after so much time, and after the wall clock was moved. */
const after = (ms: number, movedMs = 0) => ({
  wall: plusMs(start, ms + movedMs),
  monotonicMs: since.monotonicMs + ms,
})

for (const { name, untilMs = hourMs, now, expected } of [
  { name: 'it has just begun', now: after(0), expected: { kind: 'sleep', ms: minuteMs } },
  { name: 'the end is near', now: after(hourMs - 5), expected: { kind: 'sleep', ms: 5 } },
  { name: 'it is time', now: after(hourMs), expected: { kind: 'wake', why: 'time' } },
  {
    name: 'it was time before it began',
    untilMs: -1,
    now: after(0),
    expected: { kind: 'wake', why: 'time' },
  },
  {
    name: 'the clock drifts',
    now: after(hourMs - minuteMs, 2 * secondMs),
    expected: { kind: 'sleep', ms: 58 * secondMs },
  },
  {
    name: 'the clock was set back a day',
    now: after(minuteMs, -dayMs),
    expected: { kind: 'wake', why: 'clock' },
  },
  {
    name: 'the clock was set forward half an hour',
    now: after(minuteMs, hourMs / 2),
    expected: { kind: 'wake', why: 'clock' },
  },
  {
    name: 'the machine slept for a week',
    now: after(minuteMs, 7 * dayMs),
    expected: { kind: 'wake', why: 'clock' },
  },
]) {
  test(`waiting: ${name}`, () => {
    assert.deepEqual(nextSlice(plusMs(start, untilMs), { since, now }), expected)
  })
}
