import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { dayMs, hourMs, instant, plusMs } from '../../base/instant.ts'
import type { RenewAt } from '../spec.ts'
import { type RenewalTime, safetyShare, selectRenewalTime, takeAdvice } from './renewal-time.ts'

const notBefore = instant(Date.parse('2026-11-21T00:00:00Z'))

type Case = {
  readonly lifetimeMs: number
  readonly wanted?: RenewAt
  /** Of the time drawn from the CA's window, after the beginning of the life. */
  readonly advisedMs?: number
  readonly draw?: number
  readonly afterMs: number
  readonly source?: RenewalTime['source']
}
const cases: readonly Case[] = [
  { lifetimeMs: hourMs, afterMs: hourMs / 2 },
  { lifetimeMs: dayMs, afterMs: dayMs / 2 },
  { lifetimeMs: 160 * hourMs, afterMs: 80 * hourMs },
  { lifetimeMs: 9 * dayMs, afterMs: 4.5 * dayMs },
  { lifetimeMs: 10 * dayMs, afterMs: (10 * dayMs * 2) / 3 },
  { lifetimeMs: 45 * dayMs, afterMs: 30 * dayMs },
  { lifetimeMs: 64 * dayMs, afterMs: (64 * dayMs * 2) / 3 },
  { lifetimeMs: 90 * dayMs, afterMs: 60 * dayMs },
  { lifetimeMs: 398 * dayMs, afterMs: (398 * dayMs * 2) / 3 },
  // The draw comes before the time, never after it.
  { lifetimeMs: 90 * dayMs, draw: 0.5, afterMs: 60 * dayMs - 0.9 * dayMs },
  { lifetimeMs: 6 * dayMs, draw: 1, afterMs: 3 * dayMs - 0.12 * dayMs },
  // The configuration.
  { lifetimeMs: 90 * dayMs, wanted: { beforeMs: 20 * dayMs }, afterMs: 70 * dayMs },
  { lifetimeMs: 90 * dayMs, wanted: { share: 0.5 }, afterMs: 45 * dayMs },
  { lifetimeMs: 6 * dayMs, wanted: { beforeMs: 30 * dayMs }, afterMs: 0.6 * dayMs },
  { lifetimeMs: 90 * dayMs, wanted: { beforeMs: hourMs }, afterMs: 85.5 * dayMs, source: 'safety-margin' },
  // The CA.
  { lifetimeMs: 90 * dayMs, advisedMs: 70 * dayMs, afterMs: 70 * dayMs, source: 'renewal-info' },
  // A CA that always wants a new one gets it, but not at once.
  { lifetimeMs: 90 * dayMs, advisedMs: -dayMs, afterMs: dayMs / 2, source: 'renewal-info' },
  { lifetimeMs: hourMs, advisedMs: -dayMs, afterMs: 0.05 * hourMs, source: 'renewal-info' },
  { lifetimeMs: 90 * dayMs, advisedMs: 89 * dayMs, afterMs: 85.5 * dayMs, source: 'safety-margin' },
  { lifetimeMs: hourMs, advisedMs: hourMs, afterMs: 0.95 * hourMs, source: 'safety-margin' },
  // Both: the earlier one.
  {
    ...{ lifetimeMs: 90 * dayMs, wanted: { share: 0.5 }, advisedMs: 60 * dayMs },
    afterMs: 45 * dayMs,
  },
  {
    ...{ lifetimeMs: 90 * dayMs, wanted: { share: 0.2 }, advisedMs: 60 * dayMs },
    ...{ afterMs: 60 * dayMs, source: 'renewal-info' },
  },
]

for (const { lifetimeMs, wanted, advisedMs, draw = 0, afterMs, source = 'lifetime' } of cases) {
  const days = (ms: number) => `${(ms / dayMs).toFixed(2)} days`
  const asked = wanted === undefined ? '' : `, wanted ${JSON.stringify(wanted)}`
  const advice = advisedMs === undefined ? '' : `, the CA advises ${days(advisedMs)}`
  test(`${days(lifetimeMs)}${asked}${advice}, drawn ${draw}: after ${days(afterMs)} by ${source}`, () => {
    const selectedAt = plusMs(notBefore, advisedMs ?? 0)
    const record = {
      draw,
      ...(advisedMs !== undefined && {
        advice: { start: selectedAt, end: plusMs(selectedAt, 1), selectedAt },
      }),
    }
    const due = selectRenewalTime({ notBefore, notAfter: plusMs(notBefore, lifetimeMs) }, { wanted, record })
    assert.ok(Math.abs(due.at - notBefore - afterMs) <= 1, days(due.at - notBefore))
    assert.equal(due.source, source)
  })
}

test('nothing makes a renewal come later than the margin', () => {
  const duration = fc.integer({ min: hourMs, max: 398 * dayMs })
  fc.assert(
    fc.property(
      duration,
      fc.option(
        fc.oneof(
          fc.record({ share: fc.double({ min: 0, max: 1, noNaN: true }) }),
          fc.record({ beforeMs: duration }),
        ),
      ),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      fc.option(fc.integer({ min: -dayMs, max: 800 * dayMs })),
      (lifetimeMs, wanted, draw, advisedMs) => {
        const notAfter = plusMs(notBefore, lifetimeMs)
        const selectedAt = plusMs(notBefore, advisedMs ?? 0)
        const advice =
          advisedMs === null ? {} : { advice: { start: selectedAt, end: selectedAt, selectedAt } }
        const { at } = selectRenewalTime(
          { notBefore, notAfter },
          { wanted: wanted ?? undefined, record: { draw, ...advice } },
        )
        assert.ok(at <= notAfter - lifetimeMs * safetyShare)
      },
    ),
  )
})

test('a time is drawn once, and again only where the window moves away from it', () => {
  const day = (count: number) => plusMs(notBefore, count * dayMs)
  const first = takeAdvice({ start: day(60), end: day(62) }, undefined, 0.25)
  assert.equal(first.selectedAt, day(60.5))
  assert.equal(takeAdvice({ start: day(60), end: day(62) }, first, 0.9).selectedAt, first.selectedAt)
  assert.equal(takeAdvice({ start: day(59), end: day(61) }, first, 0.9).selectedAt, first.selectedAt)
  assert.equal(takeAdvice({ start: day(10), end: day(20) }, first, 0.5).selectedAt, day(15))
})
