import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { dayMs, formatInstant, instant, plusMs } from '../../base/instant.ts'
import { parseWindow } from '../config/renew.ts'
import { nextInWindow } from './windows.ts'

const cases: readonly {
  readonly windows: readonly string[]
  readonly now: string
  readonly zone?: string
  readonly expected: string
}[] = [
  { windows: [], now: '2026-11-21T12:00:00Z', expected: '2026-11-21T12:00:00Z' },
  { windows: ['02:00-05:00'], now: '2026-11-21T01:00:00Z', expected: '2026-11-21T02:00:00Z' },
  { windows: ['02:00-05:00'], now: '2026-11-21T02:00:00Z', expected: '2026-11-21T02:00:00Z' },
  { windows: ['02:00-05:00'], now: '2026-11-21T05:00:00Z', expected: '2026-11-22T02:00:00Z' },
  // The 21st is a Saturday.
  { windows: ['mon-fri 02:00-05:00'], now: '2026-11-21T03:00:00Z', expected: '2026-11-23T02:00:00Z' },
  { windows: ['sat 02:00-05:00'], now: '2026-11-21T05:00:00Z', expected: '2026-11-28T02:00:00Z' },
  { windows: ['fri-mon 02:00-05:00'], now: '2026-11-21T06:00:00Z', expected: '2026-11-22T02:00:00Z' },
  // Past midnight: what began on Friday is still open.
  { windows: ['fri 22:00-04:00'], now: '2026-11-21T03:59:00Z', expected: '2026-11-21T03:59:00Z' },
  { windows: ['fri 22:00-04:00'], now: '2026-11-21T04:00:00Z', expected: '2026-11-27T22:00:00Z' },
  { windows: ['sat 20:00-24:00'], now: '2026-11-21T23:59:00Z', expected: '2026-11-21T23:59:00Z' },
  // The first of several.
  {
    windows: ['sun 02:00-03:00', 'sat 23:00-23:30'],
    now: '2026-11-21T12:00:00Z',
    expected: '2026-11-21T23:00:00Z',
  },
  // Elsewhere.
  {
    ...{ windows: ['sat 02:00-05:00'], zone: 'Europe/Berlin' },
    ...{ now: '2026-11-21T00:59:00Z', expected: '2026-11-21T01:00:00Z' },
  },
  {
    ...{ windows: ['sun 02:00-05:00'], zone: 'Asia/Tokyo' },
    ...{ now: '2026-11-21T12:00:00Z', expected: '2026-11-21T17:00:00Z' },
  },
  // The night in which half past two does not happen, and the one in which it happens twice (the second time counts).
  {
    ...{ windows: ['02:30-03:30'], zone: 'Europe/Berlin' },
    ...{ now: '2027-03-28T00:00:00Z', expected: '2027-03-28T01:30:00Z' },
  },
  {
    ...{ windows: ['02:30-03:30'], zone: 'Europe/Berlin' },
    ...{ now: '2026-10-24T23:00:00Z', expected: '2026-10-25T01:30:00Z' },
  },
]

for (const { windows, now, zone = 'UTC', expected } of cases) {
  test(`${now} in ${zone}, ${windows.join(' or ') || 'any time'}: ${expected}`, () => {
    const found = nextInWindow(windows.map(parseWindow), instant(Date.parse(now)), zone)
    assert.equal(formatInstant(found), expected)
  })
}

test('the next window is never more than eight days away, and it is one', () => {
  const minute = fc.nat(24 * 60 - 1)
  const window = fc
    .record({ days: fc.uniqueArray(fc.nat(6), { minLength: 1 }), fromMinute: minute, toMinute: minute })
    .filter(({ fromMinute, toMinute }) => fromMinute !== toMinute)
  const zones = fc.constantFrom('UTC', 'Europe/Berlin', 'America/St_Johns', 'Australia/Lord_Howe')
  fc.assert(
    fc.property(
      fc.array(window, { minLength: 1, maxLength: 3 }),
      zones,
      fc.nat(400 * 1440),
      (windows, zone, minutes) => {
        const now = instant(Date.parse('2026-01-01T00:00:00Z') + minutes * 60_000)
        const found = nextInWindow(windows, now, zone)
        assert.ok(found >= now && found <= plusMs(now, 8 * dayMs))
        assert.equal(nextInWindow(windows, found, zone), found)
      },
    ),
  )
})
