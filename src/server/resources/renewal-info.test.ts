import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { dayMs, hourMs, instant, minuteMs, plusMs, secondMs } from '../../base/instant.ts'
import { suggestedWindow } from './renewal-info.ts'

const notBefore = instant(1_800_000_000_000)

describe('the suggested window', () => {
  for (const [lifetimeMs, centreMs, widthMs] of [
    [minuteMs, 30 * secondMs, 2 * secondMs],
    [hourMs, 30 * minuteMs, 72 * secondMs],
    [160 * hourMs, 80 * hourMs, 3.2 * hourMs],
    [9.99 * dayMs, 4.995 * dayMs, 0.1998 * dayMs],
    [10 * dayMs, (20 / 3) * dayMs, 0.2 * dayMs],
    [45 * dayMs, 30 * dayMs, 0.9 * dayMs],
    [90 * dayMs, 60 * dayMs, 1.8 * dayMs],
    [398 * dayMs, (796 / 3) * dayMs, 7.96 * dayMs],
  ] as const) {
    it(`of ${lifetimeMs / dayMs} days lies around ${(centreMs / lifetimeMs).toFixed(2)} of the life`, () => {
      const { start, end } = suggestedWindow({ notBefore, notAfter: plusMs(notBefore, lifetimeMs) })
      assert.ok(
        Math.abs((start + end) / 2 - (notBefore + centreMs)) < secondMs,
        `centre ${(start + end) / 2}`,
      )
      assert.ok(Math.abs(end - start - widthMs) < secondMs, `width ${end - start}`)
    })
  }

  it('of a revoked certificate has passed', () => {
    const revokedAt = plusMs(notBefore, dayMs)
    const { start, end } = suggestedWindow({ notBefore, notAfter: plusMs(notBefore, 90 * dayMs), revokedAt })
    assert.ok(start < end && end < revokedAt)
  })
})
