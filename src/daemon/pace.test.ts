import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hourMs, type Instant, instant, minuteMs, plusMs, secondMs } from '../base/instant.ts'
import { nextLook } from './pace.ts'

const now = instant(Date.UTC(2030, 0, 1))
const after = (ms: number): Instant => plusMs(now, ms)

for (const { name, wakeAt, stalls = 0, fraction = 0.5, expected } of [
  { name: 'nothing to come: within the hour', wakeAt: undefined, expected: hourMs },
  { name: 'something in ten minutes: then', wakeAt: after(10 * minuteMs), expected: 10 * minuteMs },
  { name: 'something in two days: within the hour', wakeAt: after(48 * hourMs), expected: hourMs },
  { name: 'something due: at once', wakeAt: now, expected: 0 },
  { name: 'something long due: at once, and not in the past', wakeAt: after(-hourMs), expected: 0 },
  { name: 'still due once', wakeAt: now, stalls: 1, expected: 5 * secondMs },
  { name: 'still due once, by an early draw', wakeAt: now, stalls: 1, fraction: 0, expected: 2.5 * secondMs },
  { name: 'still due the fourth time', wakeAt: now, stalls: 4, expected: 40 * secondMs },
  { name: 'still due the hundredth time', wakeAt: now, stalls: 100, expected: 10 * minuteMs },
  { name: 'failed, so nobody knows what is due', wakeAt: undefined, stalls: 1, expected: 5 * secondMs },
] as const) {
  test(`the next look: ${name}`, () => {
    const at = nextLook({ now, wakeAt, stalls, fraction, checkEveryMs: hourMs })
    assert.equal(at - now, expected)
  })
}
