import assert from 'node:assert/strict'
import { test } from 'node:test'
import { wrapped } from './wrapped.ts'

const cases = [
  { name: 'a short line stays', line: 'one two', width: 10, expected: ['one two'] },
  { name: 'a line as long as the width stays', line: 'one two', width: 7, expected: ['one two'] },
  { name: 'a longer one is broken between words', line: 'one two', width: 6, expected: ['one', 'two'] },
  {
    name: 'a word is never broken',
    line: 'a https://x.example/y b',
    width: 5,
    expected: ['a', 'https://x.example/y', 'b'],
  },
  { name: 'what follows is indented alike', line: '  one two', width: 6, expected: ['  one', '  two'] },
  { name: 'nothing is one empty line', line: '', width: 5, expected: [''] },
]
for (const { name, line, width, expected } of cases) {
  test(name, () => assert.deepEqual(wrapped(line, width), expected))
}
