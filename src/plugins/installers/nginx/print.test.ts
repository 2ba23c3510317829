import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isAppError } from '../../../base/errors.ts'
import { type Directive, parseFile } from '../../deployers/nginx/config.ts'
import { printDirectives } from './print.ts'

/** Pieces that mean something to nginx, in any order. */
const pieces = [
  ...['server', 'listen', '80', 'a"b', 'x#y', '$host', '${a}', '\\{', '"q; { # }"', "'it\\'s'", '~^/x$'],
  ...[
    '{',
    '}',
    ';',
    ' ',
    '\t',
    '\n',
    '\r\n',
    '# a "comment { }\n',
    'x_by_lua_block {',
    '-- }\n',
    '[[ } ]]',
    'ä',
  ],
]

test('any text is refused or printed as it is, and every word is where it says', () => {
  let read = 0
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 40 }), parts => {
      const text = parts.join('')
      let directives: readonly Directive[]
      try {
        directives = parseFile({ name: 'f', text })
      } catch (error) {
        assert.ok(isAppError(error, 'ERR_FORMAT'))
        return
      }
      read += 1
      assert.equal(printDirectives(directives, text), text)
      for (const { name, spans } of directives) {
        const [first] = spans.words
        assert.equal(
          parseFile({ name: 'f', text: `${text.slice(first?.start, first?.end)};` })[0]?.name,
          name,
        )
      }
    }),
    { numRuns: 3000 },
  )
  assert.ok(read > 50, `only ${read} of the texts were good ones`)
})

test('a tree that lacks a directive is not the whole file', () => {
  const text = 'a; b { c; }\nd;\n'
  const whole = parseFile({ name: 'f', text })
  assert.equal(printDirectives(whole, text), text)
  for (const gone of whole.keys())
    assert.equal(printDirectives(whole.toSpliced(gone, 1), text), undefined, `without number ${gone}`)
})
