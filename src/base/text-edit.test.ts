import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { applyEdits, findEdits, madeEdits, takeBackEdits } from './text-edit.ts'

const text = 'one {\n  alpha;\n}\ntwo {\n  alpha;\n}\n'
const edits = [
  { start: 6, end: 6, text: '  first added line;\n' },
  { start: 23, end: 23, text: '  first added line;\n' },
  { start: 25, end: 31, text: 'a longer replacement;' },
]

test('edits are made in the order of their places', () => {
  assert.equal(
    applyEdits(text, edits.toReversed()),
    'one {\n  first added line;\n  alpha;\n}\ntwo {\n  first added line;\n  a longer replacement;\n}\n',
  )
})

test('edits that overlap are a mistake of the program', () => {
  assert.throws(
    () =>
      applyEdits(text, [
        { start: 0, end: 5, text: '' },
        { start: 4, end: 6, text: '' },
      ]),
    TypeError,
  )
})

test('what was edited is the same again after the edits are taken back', () => {
  const edit = fc.tuple(fc.nat(30), fc.nat(8), fc.string({ maxLength: 10 }))
  fc.assert(
    fc.property(
      fc.string({ minLength: 60, maxLength: 90 }),
      fc.array(edit, { maxLength: 5 }),
      (given, list) => {
        let at = 0
        const apart = list.flatMap(([gap, length, inserted]) => {
          const start = at + gap
          at = start + length + 1
          return at < given.length ? [{ start, end: start + length, text: inserted }] : []
        })
        assert.equal(takeBackEdits(applyEdits(given, apart), madeEdits(given, apart)), given)
      },
    ),
  )
})

test('edits are found in a text that was changed elsewhere', () => {
  const changed = `# a new comment\n${applyEdits(text, edits)}three { beta; }\n`
  const { edits: found, lost } = findEdits(changed, madeEdits(text, edits))
  assert.deepEqual(lost, [])
  assert.equal(applyEdits(changed, found), `# a new comment\n${text}three { beta; }\n`)
})

test('an edit that somebody changed is lost, the others are found', () => {
  const changed = applyEdits(text, edits).replace('a longer replacement;', 'a changed replacement;')
  const { edits: found, lost } = findEdits(changed, madeEdits(text, edits))
  assert.deepEqual(
    lost.map(({ inserted }) => inserted),
    ['a longer replacement;'],
  )
  assert.equal(applyEdits(changed, found), text.replace(/alpha;(?=\n}\n$)/, 'a changed replacement;'))
})

test('what was only deleted is found by what stands around it', () => {
  const made = madeEdits(text, [{ start: 6, end: 15, text: '' }])
  const changed = `${applyEdits(text, [{ start: 6, end: 15, text: '' }])}# later\n`
  const { edits: found, lost } = findEdits(changed, made)
  assert.deepEqual(lost, [])
  assert.equal(applyEdits(changed, found), `${text}# later\n`)
})

test('a copy of an added line makes its place uncertain only where the surroundings do not tell', () => {
  const made = madeEdits(text, [{ start: 6, end: 6, text: '  first added line;\n' }])
  const changed = `${applyEdits(text, [{ start: 6, end: 6, text: '  first added line;\n' }])}  first added line;\n`
  assert.equal(findEdits(changed, made).lost.length, 0)
  assert.equal(findEdits('  first added line;\n  first added line;\n', made).lost.length, 1)
})
