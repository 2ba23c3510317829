import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { backoffMs } from './backoff.ts'
import { decodeBase64url, encodeBase64url } from './base64url.ts'
import { mapConcurrently } from './concurrent.ts'
import { formatDuration, parseDurationMs } from './duration.ts'
import { AppError } from './errors.ts'
import { formatInstant, instant, parseInstant } from './instant.ts'
import { printable } from './printable.ts'
import { suggest } from './suggest.ts'

test('base64url: what was encoded is decoded to the same bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array(), bytes => assert.deepEqual(decodeBase64url(encodeBase64url(bytes)), bytes)),
  )
})

for (const text of ['YQ==', 'a+b/', 'YR', 'Y', 'YQ\n', 'é']) {
  test(`base64url: ${JSON.stringify(text)} is refused`, () => {
    assert.throws(() => decodeBase64url(text), AppError)
  })
}

const durations: readonly (readonly [string, number | undefined])[] = [
  ['30 d', 2_592_000_000],
  ['12h', 43_200_000],
  ['90 min', 5_400_000],
  ['1.5 s', 1_500],
  ['2 w', 1_209_600_000],
  ['10', undefined],
  ['ten days', undefined],
  ['-1 d', undefined],
  ['', undefined],
]
for (const [text, expected] of durations) {
  test(`the duration "${text}" is ${expected ?? 'refused'}`, () => {
    if (expected === undefined) assert.throws(() => parseDurationMs(text), AppError)
    else assert.equal(parseDurationMs(text), expected)
  })
}

test('times are read and written in RFC 3339 and refused without an offset', () => {
  assert.equal(formatInstant(instant(1_790_000_000_000)), '2026-09-21T14:13:20Z')
  assert.equal(parseInstant('2026-09-21T16:13:20.000+02:00'), 1_790_000_000_000)
  for (const text of ['2026-09-21T14:13:20', '2026-13-01T00:00:00Z', 'yesterday', '1790000000']) {
    assert.equal(parseInstant(text), undefined, text)
  }
})

test('spans are given in their largest sensible unit', () => {
  const spans = [59 * 86_400_000, 23 * 3_600_000, 5 * 60_000, 12_000, 700].map(formatDuration)
  assert.deepEqual(spans, ['59 d', '23 h', '5 min', '12 s', '0.7 s'])
})

test('text from outside cannot move the cursor, hide itself, or fill the screen', () => {
  assert.equal(printable('a\u001b[31mb\r\nc\u202ed\u2066e'), 'a\\u{1b}[31mb\\u{d}\\u{a}c\\u{202e}d\\u{2066}e')
  assert.equal(printable('x'.repeat(2_000)).length, 801)
})

test('back-off grows, keeps its ceiling and its jitter', () => {
  const policy = { firstMs: 100, factor: 2, maxMs: 1_000, attempts: 5 }
  assert.deepEqual(
    [1, 2, 3, 9].map(attempt => backoffMs(policy, attempt, 0.5)),
    [100, 200, 400, 1_000],
  )
  assert.equal(backoffMs(policy, 1, 0), 50)
  assert.ok(backoffMs(policy, 1, 0.999) < 150)
})

test('the nearest candidate is suggested, and none where all are far', () => {
  assert.equal(suggest('emial', ['email', 'agree-to-terms']), 'email')
  assert.equal(suggest('letsencrpyt', ['letsencrypt', 'zerossl']), 'letsencrypt')
  assert.equal(suggest('colour', ['email', 'key']), undefined)
})

test('work is done a few at a time, in order, and stops at the first failure', async () => {
  let running = 0
  let most = 0
  const results = await mapConcurrently([1, 2, 3, 4, 5, 6, 7], 3, async item => {
    most = Math.max(most, ++running)
    await new Promise(setImmediate)
    running--
    return item * 2
  })
  assert.deepEqual(results, [2, 4, 6, 8, 10, 12, 14])
  assert.equal(most, 3)
  const begun: number[] = []
  const failing = mapConcurrently([1, 2, 3, 4], 1, async item => {
    begun.push(item)
    if (item === 2) throw new Error('two')
  })
  await assert.rejects(failing, /two/)
  assert.deepEqual(begun, [1, 2])
})
