import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dayMs, hourMs, instant, plusMs } from '../../base/instant.ts'
import { renewalTime } from './renewal-time.ts'

const notBefore = instant(Date.parse('2026-11-21T00:00:00Z'))
const cases: readonly { readonly name: string; readonly lifetimeMs: number; readonly afterMs: number }[] = [
  { name: 'one hour', lifetimeMs: hourMs, afterMs: hourMs / 2 },
  { name: '160 hours', lifetimeMs: 160 * hourMs, afterMs: 80 * hourMs },
  { name: 'just under ten days', lifetimeMs: 9 * dayMs, afterMs: 4.5 * dayMs },
  { name: 'ten days', lifetimeMs: 10 * dayMs, afterMs: (10 * dayMs * 2) / 3 },
  { name: '45 days', lifetimeMs: 45 * dayMs, afterMs: 30 * dayMs },
  { name: '64 days', lifetimeMs: 64 * dayMs, afterMs: (64 * dayMs * 2) / 3 },
  { name: '90 days', lifetimeMs: 90 * dayMs, afterMs: 60 * dayMs },
  { name: '398 days', lifetimeMs: 398 * dayMs, afterMs: (398 * dayMs * 2) / 3 },
]

for (const { name, lifetimeMs, afterMs } of cases) {
  test(`a certificate of ${name} is due after ${(afterMs / dayMs).toFixed(2)} days`, () => {
    const due = renewalTime({ notBefore, notAfter: plusMs(notBefore, lifetimeMs) })
    assert.ok(Math.abs(due - notBefore - afterMs) < 1)
  })
}
