import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dayMs, instant, plusMs } from '../base/instant.ts'
import type { Timeline } from '../manage/explain/timeline.ts'
import type { StoredCertificate } from '../manage/store/stored-certificate.ts'
import { explainText } from './explain-text.ts'

const now = instant(Date.UTC(2030, 0, 11))
const day = (count: number) => plusMs(now, count * dayMs)
const endpoint = (serverName: string) => ({ host: '::1', port: 443, serverName, source: 'x:1' })
const own = 'ab'.repeat(32)
const timeline: Timeline = {
  name: 'a.test',
  now,
  // Only these members are shown.
  certificate: {
    ...{
      authority: { id: 'ca', directory: '' },
      generation: '000002-x',
      fingerprint: own,
      notAfter: day(80),
    },
  } as unknown as StoredCertificate,
  past: [
    { at: day(-10), kind: 'issued', text: 'issued by ca for a.test' },
    { at: day(-1), kind: 'failed', text: 'no\nanswer', hint: 'ask \u001b[31m', count: 2, lastAt: now },
  ],
  sights: [
    {
      target: 'nginx',
      generation: '000001-x',
      at: day(-9),
      endpoints: [
        { endpoint: endpoint('a.test'), fingerprint: own },
        { endpoint: endpoint('b.test'), fingerprint: 'cd'.repeat(32), notAfter: '2030-02-01T00:00:00Z' },
        { endpoint: endpoint('c.test'), failure: 'nothing listens' },
      ],
      failure: { message: 'nginx was not reloaded', hint: 'see its log' },
    },
  ],
  future: [{ at: day(80), kind: 'expiry', text: 'it ends' }],
  next: { text: 'it is renewed', at: day(50) },
}

test('a timeline without a terminal', () => {
  const text = explainText(timeline, 'failing', { unicode: false, columns: 1_000, color: false })
  assert.equal(
    text,
    `a.test: failing
  certificate abababababab from ca, generation 000002-x, until 2030-04-01T00:00:00Z (in 80 d)

  *  2030-01-01T00:00:00Z  10 d ago  issued by ca for a.test
  x  2030-01-10T00:00:00Z  24 h ago  no
  |                                  answer
  |                                  hint: ask \\u{1b}[31m
  |                                  2 times, the last one at 2030-01-11T00:00:00Z
  >  2030-01-11T00:00:00Z       now  it is not configured
  |                                  nginx: generation 000001-x was delivered at 2030-01-02T00:00:00Z
  |                                    a.test at [::1]:443 serves this certificate
  |                                    b.test at [::1]:443 serves another certificate: cdcdcdcdcdcd, until 2030-02-01T00:00:00Z
  |                                    c.test at [::1]:443 shows nothing: nothing listens
  |                                    nginx was not reloaded
  |                                    hint: see its log
  o  2030-04-01T00:00:00Z   in 80 d  it ends

next: it is renewed at 2030-03-02T00:00:00Z (in 50 d)
`,
  )
})

test('a timeline on a terminal: other marks, and no line longer than it is wide', () => {
  const text = explainText(timeline, 'failing', { unicode: true, columns: 90, color: false })
  const picture = text.split('\n').filter(line => /^ {2}[●✗◆○│ ] {2}/.test(line))
  for (const mark of ['●', '✗', '◆', '○', '│'])
    assert.ok(
      picture.some(line => line[2] === mark),
      mark,
    )
  assert.deepEqual(
    picture.filter(line => line.length > 90),
    [],
  )
})

test('of a long past the end is shown, and how much more there is', () => {
  const past = Array.from({ length: 30 }, (_, index) => ({
    ...{ at: day(index - 30), kind: 'issued' as const, text: `number ${index}` },
  }))
  const text = explainText({ ...timeline, past }, 'ok', { unicode: false, columns: 90, color: false })
  assert.match(text, /18 earlier: certwright history a\.test/)
  assert.doesNotMatch(text, /number 17\b/)
  assert.match(text, /number 18\b/)
})
