import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dayMs, instant, minuteMs, plusMs } from '../base/instant.ts'
import { endpointsText } from './endpoints-text.ts'

const now = instant(Date.UTC(2026, 0, 1))

test('monitored endpoints are a table, and what is wrong with them is below it', () => {
  assert.equal(endpointsText([], { now, color: false }), '')
  const text = endpointsText(
    [
      {
        endpoint: 'a.test:443',
        at: plusMs(now, -3 * minuteMs),
        looks: [
          {
            where: 'a.test at 192.0.2.1:443',
            fingerprint: 'ab',
            notAfter: plusMs(now, 60 * dayMs),
            findings: [],
          },
          {
            where: 'a.test at [2001:db8::1]:443',
            findings: [{ kind: 'down', level: 'wrong', text: 'nothing listens there', hint: 'start it' }],
          },
        ],
      },
    ],
    { now, color: false },
  )
  assert.equal(
    text,
    `
ENDPOINT                     STATE  EXPIRES                         LOOKED AT
a.test at 192.0.2.1:443      ok     2026-03-02T00:00:00Z (in 60 d)  2025-12-31T23:57:00Z (3 min ago)
a.test at [2001:db8::1]:443  DOWN   -                               2025-12-31T23:57:00Z (3 min ago)

a.test at [2001:db8::1]:443: nothing listens there
  hint: start it
`,
  )
})
