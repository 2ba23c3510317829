import assert from 'node:assert/strict'
import { test } from 'node:test'
import { applyEdits } from '../../../base/text-edit.ts'
import { parseFile } from '../../deployers/nginx/config.ts'
import { linesAhead, linesFirst, linesLast, without } from './block-text.ts'

const cases = [
  {
    name: 'at the beginning of a file',
    text: 'server {\n  a;\n}\n',
    expected: 'new {\n  x;\n}\nserver {\n  first;\n  a;\n  last;\n}\n',
  },
  {
    name: 'behind something else in the line',
    text: 'events {} server { a; }\n',
    expected: 'events {} \nnew {\n    x;\n}\nserver {\n    first;\n    a;\n    last;\n}\n',
  },
  {
    name: 'an empty block',
    text: '\tserver {}',
    expected: '\tnew {\n\t\tx;\n\t}\n\tserver {\n\t\tfirst;\n\t\t\n\t\tlast;\n\t}',
  },
  {
    name: 'line ends of Windows',
    text: 'server {\r\n  a; # b\r\n}',
    expected: 'new {\r\n  x;\r\n}\r\nserver {\r\n  first;\r\n  a; # b\r\n  last;\r\n}',
  },
]

for (const { name, text, expected } of cases) {
  test(`lines before a block, first and last in it: ${name}`, () => {
    const sources = new Map([['f', { name: 'f', path: '/f', current: text, text }]])
    const block = parseFile({ name: 'f', text }).find(one => one.name === 'server')
    assert.ok(block)
    const edits = [
      linesAhead(block, ['new {', '\tx;', '}'], sources),
      linesFirst(block, ['first;'], sources),
      linesLast(block, ['last;'], sources),
    ]
    assert.equal(applyEdits(text, edits), expected)
  })
}

test('a directive goes with its line where it stands alone there', () => {
  const text = 'a;\n  b;\nc; d; # e\n'
  const sources = new Map([['f', { name: 'f', path: '/f', current: text, text }]])
  const gone = parseFile({ name: 'f', text }).filter(({ name }) => name === 'b' || name === 'd')
  assert.equal(
    applyEdits(
      text,
      gone.map(one => without(one, sources)),
    ),
    'a;\nc;  # e\n',
  )
})
