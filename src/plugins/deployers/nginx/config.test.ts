import assert from 'node:assert/strict'
import test from 'node:test'
import * as fc from 'fast-check'
import { isAppError } from '../../../base/errors.ts'
import { type Directive, formatPlace, parseDump } from './config.ts'

const main = '/etc/nginx/nginx.conf'

/** A dump as nginx prints it. */
function dump(...files: readonly (readonly [name: string, text: string])[]): string {
  return files.map(([name, text]) => `# configuration file ${name}:\n${text}\n`).join('')
}

/** `name args @file:line` with blocks indented, so that a tree reads like a configuration. */
function outline(directives: readonly Directive[], indent = ''): readonly string[] {
  return directives.flatMap(({ name, args, place, block }) => [
    `${indent}${[name, ...args].join(' ')} @${formatPlace(place)}`,
    ...(block === undefined ? [] : outline(block, `${indent}  `)),
  ])
}

test('includes are replaced by what they include, in nginx order, relative to the main file', () => {
  const text = dump(
    [main, 'user x;\nhttp {\n  include sites/*.conf;\n  include /opt/one;\n}\n'],
    ['/etc/nginx/sites/b.conf', 'server {\n include part;\n}'],
    ['/etc/nginx/part', 'listen 1;'],
    ['/etc/nginx/sites/A.conf', 'b;'],
    ['/opt/one', '\n\nc;'],
  )
  assert.deepEqual(outline(parseDump(text).directives), [
    `user x @${main}:1`,
    `http @${main}:2`,
    '  b @/etc/nginx/sites/A.conf:1',
    '  server @/etc/nginx/sites/b.conf:1',
    '    listen 1 @/etc/nginx/part:1',
    '  c @/opt/one:3',
  ])
})

test('a file may be included several times, and an include that matches nothing is nothing', () => {
  const text = dump([main, 'a { include p; } b { include "p"; include none/*; }'], ['/etc/nginx/p', 'x;'])
  assert.deepEqual(outline(parseDump(text).directives), [
    `a @${main}:1`,
    '  x @/etc/nginx/p:1',
    `b @${main}:1`,
    '  x @/etc/nginx/p:1',
  ])
})

test('files that no include leads to are named', () => {
  const text = dump([main, 'a;'], ['/etc/nginx/lost.conf', 'b;'])
  assert.deepEqual(parseDump(text).unplaced, ['/etc/nginx/lost.conf'])
})

test('a header inside a file that was made from a dump is a comment', () => {
  const text = dump([main, `# configuration file ${main}:\na;\n`])
  assert.deepEqual(outline(parseDump(text).directives), [`a @${main}:2`])
})

const refused: readonly { readonly name: string; readonly text: string; readonly message: RegExp }[] = [
  { name: 'no file', text: '', message: /names no configuration file/ },
  { name: 'a lone ;', text: dump([main, 'a;\n;']), message: /nginx\.conf:2: unexpected ";"/ },
  { name: 'a lone {', text: dump([main, '{ }']), message: /:1: unexpected "\{"/ },
  { name: 'one } too many', text: dump([main, 'a { } }']), message: /:1: unexpected "\}"/ },
  { name: 'a missing ;', text: dump([main, 'a {\n b\n}']), message: /:2: unexpected "\}"/ },
  { name: 'a block without end', text: dump([main, 'a;\nb {\n']), message: /:2: "b" has no end/ },
  { name: 'a directive without end', text: dump([main, 'a;\nb']), message: /:2: "b" has no end/ },
  { name: 'a file that includes itself', text: dump([main, 'include nginx.conf;']), message: /too deeply/ },
  { name: 'blocks without bottom', text: dump([main, 'a {'.repeat(100_000)]), message: /too deeply/ },
  {
    name: 'includes that multiply',
    text: dump(
      [main, 'include 0;'],
      ...Array.from(
        { length: 40 },
        (_, i) => [`/etc/nginx/${i}`, `include ${i + 1};include ${i + 1};`] as const,
      ),
      ['/etc/nginx/40', 'a;'],
    ),
    message: /too large/,
  },
]

for (const { name, text, message } of refused) {
  test(`${name} is refused`, () => {
    assert.throws(() => parseDump(text), { code: 'ERR_FORMAT', message })
  })
}

test('any dump ends in a tree or in an AppError', () => {
  const pieces = fc.constantFrom(
    ...[
      'a',
      'include',
      ' ',
      '*',
      '/',
      'x',
      '\n',
      ';',
      '{',
      '}',
      '"',
      '#',
      '\n# configuration file /x:\n',
      '..',
    ],
  )
  fc.assert(
    fc.property(fc.array(pieces), parts => {
      try {
        return parseDump(dump([main, parts.join('')])).directory === '/etc/nginx/'
      } catch (error) {
        return isAppError(error, 'ERR_FORMAT')
      }
    }),
    { numRuns: 2_000 },
  )
})
