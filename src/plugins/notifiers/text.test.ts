import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sampleNotification, troubleItem } from '../../testing/notifications.ts'
import { oneLine, plainText } from './text.ts'

test('a trouble says cause, what to do, next attempt, command, end and names', () => {
  assert.equal(
    plainText(sampleNotification('failed')),
    [
      'a.example: it could not be renewed (2nd attempt since 2029-12-31T00:00:00Z)',
      '  cause   the CA could not validate a.example',
      '          192.0.2.1: refused <&"> ```',
      '  do      see that port 80 is open',
      '  next    2030-01-01T06:00:00Z (in 6 h)',
      '  run     certwright apply --only a.example',
      '  expires 2030-01-04T00:00:00Z (in 3 d)',
      '  names   a.example, www.a.example',
    ].join('\n'),
  )
})

test('where the next attempt is not known it is with the next run', () => {
  const { nextAttemptAt: _, ...item } = troubleItem
  const text = plainText(sampleNotification('failed', { items: [item] }))
  assert.match(text, /^ {2}next {4}with the next run of certwright apply$/m)
})

test('good news are one line each', () => {
  const items = ['a', 'b'].map(name => ({ key: name, certificate: name, text: 'a new certificate' }))
  assert.equal(
    plainText(sampleNotification('renewed', { items })),
    'a: a new certificate\nb: a new certificate',
  )
})

const many = Array.from({ length: 50 }, (_, index) => ({ ...troubleItem, certificate: `${index}.example` }))
for (const maxLength of [60, 300, 400, 1_000, 5_000, 50_000]) {
  test(`fifty troubles in ${maxLength} characters: whole ones, and how many there are beside`, () => {
    const text = plainText(sampleNotification('failed', { items: many }), { maxLength })
    assert.ok(text.length <= maxLength, `${text.length}`)
    const whole = text.match(/^\d+\.example: .*\n(?: .*\n)*? {2}names .*$/gm)?.length ?? 0
    const beside = Number(/^… and (\d+) more/m.exec(text)?.[1] ?? 0)
    assert.equal(whole + beside, maxLength < 400 ? whole + beside : many.length)
    if (maxLength >= 50_000) assert.equal(whole, many.length)
  })
}

test('one line has no line break', () => {
  const line = oneLine(sampleNotification('failed'), troubleItem)
  assert.ok(!line.includes('\n'))
  assert.match(
    line,
    /^a\.example: it could.*; cause: the CA.*; 192.*; next attempt: .*; run: certwright apply/,
  )
})
