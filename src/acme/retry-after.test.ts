import assert from 'node:assert/strict'
import { test } from 'node:test'
import { instant, parseInstant } from '../base/instant.ts'
import { parseRetryAfter } from './retry-after.ts'

const now = instant(Date.parse('2026-11-21T12:00:00Z'))
const cases: readonly { readonly header: string | undefined; readonly expected: string | undefined }[] = [
  { header: undefined, expected: undefined },
  { header: '120', expected: '2026-11-21T12:02:00Z' },
  { header: ' 120 ', expected: '2026-11-21T12:02:00Z' },
  { header: '0', expected: '2026-11-21T12:00:01Z' },
  { header: '9999999999', expected: '2026-11-22T12:00:00Z' },
  { header: 'Sat, 21 Nov 2026 12:10:00 GMT', expected: '2026-11-21T12:10:00Z' },
  { header: 'Fri, 20 Nov 2026 12:10:00 GMT', expected: '2026-11-21T12:00:01Z' },
  { header: 'Mon, 21 Dec 2026 12:10:00 GMT', expected: '2026-11-22T12:00:00Z' },
  { header: '-5', expected: undefined },
  { header: '1.5', expected: undefined },
  { header: 'soon', expected: undefined },
  { header: '', expected: undefined },
]

for (const { header, expected } of cases) {
  test(`Retry-After ${JSON.stringify(header)} means ${expected ?? 'nothing'}`, () => {
    assert.equal(parseRetryAfter(header, now), expected === undefined ? undefined : parseInstant(expected))
  })
}
