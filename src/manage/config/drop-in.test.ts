import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dropInWithout, formatDropIn } from './drop-in.ts'

const entry = { identifiers: ['a.example'], profile: 'short' }
const block = 'certificates:\n  a.example:\n    identifiers:\n      - a.example\n    profile: short\n'

for (const [what, earlier, text] of [
  ['no drop-in yet', undefined, `# Written by "certwright issue"; yours to edit.\n\n${block}`],
  ['an empty file', '', block],
  ['a map without entries', 'certificates:\n', block],
  ['an entry without members', 'certificates:\n  a.example:\n', block],
  [
    'an entry with comments',
    'certificates:\n  a.example:\n    # shop\n    key: rsa-2048 # old clients\n    profile: short # as agreed\n',
    'certificates:\n  a.example:\n    # shop\n    key: rsa-2048 # old clients\n    profile: short # as agreed\n    identifiers:\n      - a.example\n',
  ],
  [
    'an entry that is an alias',
    'certificates:\n  b.example: &b\n    key: rsa-2048\n  a.example: *b\n',
    'certificates:\n  b.example: &b\n    key: rsa-2048\n  a.example:\n    key: rsa-2048\n    identifiers:\n      - a.example\n    profile: short\n',
  ],
] as const) {
  test(`an entry is put into ${what}`, () => {
    assert.equal(formatDropIn('a.example', entry, earlier), text)
  })
}

test('a drop-in without its only entry is none; another entry stays as it is written', () => {
  assert.equal(dropInWithout('/d.yaml', 'a.example', block), undefined)
  const other = '  b.example:\n    key: rsa-2048 # mine\n'
  assert.equal(dropInWithout('/d.yaml', 'a.example', block + other), `certificates:\n${other}`)
})
