import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { dayMs, hourMs, instant, minuteMs, secondMs } from '../../base/instant.ts'
import { validityAt } from './validity.ts'

const now = instant(1_800_000_000_999)

describe('a certificate', () => {
  for (const [lifetimeMs, earlyMs] of [
    [minuteMs, 2.5 * secondMs],
    [hourMs, 2.5 * minuteMs],
    [dayMs, hourMs],
    [6 * dayMs, hourMs],
    [90 * dayMs, hourMs],
  ] as const) {
    it(`of ${lifetimeMs / hourMs} h begins ${earlyMs / secondMs} s early and lives exactly that long`, () => {
      const { notBefore, notAfter } = validityAt(now, lifetimeMs)
      assert.ok(now - notBefore >= earlyMs && now - notBefore < earlyMs + secondMs, `${now - notBefore}`)
      assert.equal(notAfter - notBefore + secondMs, lifetimeMs, 'both ends are valid (RFC 5280 §4.1.2.5)')
      assert.deepEqual([notBefore % secondMs, notAfter % secondMs], [0, 0])
      assert.ok(notAfter > now)
    })
  }
})
