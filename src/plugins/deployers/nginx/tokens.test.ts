import assert from 'node:assert/strict'
import test from 'node:test'
import * as fc from 'fast-check'
import { isAppError } from '../../../base/errors.ts'
import { tokenize } from './tokens.ts'

/** Words as they are, `;{}` as they are, raw blocks in angle brackets. */
function shown(text: string): readonly string[] {
  return tokenize(text, 'f').map(token => {
    if (token.kind === 'word') return token.text
    if (token.kind === 'raw') return `<${token.text}>`
    return { end: ';', open: '{', close: '}' }[token.kind]
  })
}

// Each verified with a real nginx.
const accepted: readonly { readonly text: string; readonly tokens: readonly string[] }[] = [
  { text: 'a b;', tokens: ['a', 'b', ';'] },
  { text: 'server{listen 1;}', tokens: ['server', '{', 'listen', '1', ';', '}'] },
  { text: 'a\r\n\tb ;', tokens: ['a', 'b', ';'] },
  { text: '# { " ; \na;', tokens: ['a', ';'] },
  { text: 'a # one " quote {\nb;', tokens: ['a', 'b', ';'] },
  { text: 'server_name a#b;', tokens: ['server_name', 'a#b', ';'] },
  { text: 'location / # note {\n{ }', tokens: ['location', '/', '{', '}'] },
  { text: '"listen" \'80\';', tokens: ['listen', '80', ';'] },
  { text: 'a "x;{}#\n y";', tokens: ['a', 'x;{}#\n y', ';'] },
  { text: 'a "";', tokens: ['a', '', ';'] },
  { text: String.raw`a "x\"y" 'it\'s' \;\{;`, tokens: ['a', 'x"y', "it's", String.raw`\;\{`, ';'] },
  { text: String.raw`a \.php$ \\ "\t\n";`, tokens: ['a', String.raw`\.php$`, '\\', '\t\n', ';'] },
  { text: 'return 200 ${host}x;', tokens: ['return', '200', '${host}x', ';'] },
  { text: 'return 200 x"y;', tokens: ['return', '200', 'x"y', ';'] },
  { text: String.raw`location ~ ^/\{x {}`, tokens: ['location', '~', String.raw`^/\{x`, '{', '}'] },
  { text: 'location ~ "^/a{2}$" {}', tokens: ['location', '~', '^/a{2}$', '{', '}'] },
  { text: 'if ($host = "a"){}', tokens: ['if', '($host', '=', 'a', ')', '{', '}'] },
  { text: 'a x}y;', tokens: ['a', 'x}y', ';'] },
  {
    text: 'content_by_lua_block { if x == "}" then --[[ } ]] y[ [[}]] ] = {1} end -- }\n } b;',
    tokens: [
      'content_by_lua_block',
      '{',
      '< if x == "}" then --[[ } ]] y[ [[}]] ] = {1} end -- }\n >',
      '}',
      'b',
      ';',
    ],
  },
  {
    text: 'init_by_lua_block { s = [==[ ]] } ]==] }',
    tokens: ['init_by_lua_block', '{', '< s = [==[ ]] } ]==] >', '}'],
  },
]

for (const { text, tokens } of accepted) {
  test(`${JSON.stringify(text)} is read as nginx reads it`, () => {
    assert.deepEqual(shown(text), tokens)
  })
}

const refused: readonly { readonly text: string; readonly message: RegExp }[] = [
  { text: 'return 200 "x"y;', message: /f:1: unexpected "y" after a quoted text/ },
  { text: 'a;\nb "x', message: /f:2: a quoted text has no end/ },
  { text: 'a;\nx_by_lua_block {\n"', message: /f:3: a quoted text has no end/ },
  { text: 'x_by_lua_block {\n{', message: /f:1: a Lua block has no end/ },
  { text: 'x_by_lua_block { [=[ ]] }', message: /f:1: a Lua long bracket has no end/ },
]

for (const { text, message } of refused) {
  test(`${JSON.stringify(text)} is refused with its line`, () => {
    assert.throws(() => tokenize(text, 'f'), { code: 'ERR_FORMAT', message })
  })
}

test('every token knows its line', () => {
  const lines = tokenize('a\nb\n"c\nd" e;\n# x\nf {\n}', 'f').map(({ line }) => line)
  assert.deepEqual(lines, [1, 2, 3, 4, 4, 6, 6, 7])
})

test('any text ends in tokens or in an AppError', () => {
  const pieces = fc.constantFrom(
    ...[
      'a',
      'x_by_lua_block',
      ' ',
      '\n',
      ';',
      '{',
      '}',
      '"',
      "'",
      '\\',
      '$',
      '#',
      '[[',
      ']]',
      '[=[',
      '--',
      'é',
    ],
  )
  const texts = fc.oneof(
    fc.string(),
    fc.array(pieces).map(parts => parts.join('')),
  )
  fc.assert(
    fc.property(texts, text => {
      try {
        return tokenize(text, 'f').every(({ line }) => line >= 1)
      } catch (error) {
        return isAppError(error, 'ERR_FORMAT')
      }
    }),
    { numRuns: 2_000 },
  )
})

test('words survive being quoted', () => {
  const quoted = (word: string): string => `"${word.replace(/["\\]/g, '\\$&')}"`
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary' }), { minLength: 1 }), words => {
      assert.deepEqual(shown(`${words.map(quoted).join(' ')};`), [...words, ';'])
    }),
  )
})
