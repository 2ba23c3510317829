import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isAppError } from '../../../base/errors.ts'
import { type ApacheNode, parseApacheFile, printApacheNodes } from './document.ts'

const parse = (text: string) => parseApacheFile({ name: 'f', text })

/** Pieces of lines that mean something to Apache, in any order. */
const pieces = [
  ...[
    'Listen 80',
    'ServerName "a b"',
    "Alias '/x' /y",
    '<VirtualHost *:80>',
    '</VirtualHost>',
    '<IfModule !a>',
  ],
  ...['</ifmodule>', '# it\'s "odd', '\\', '\n', '\r\n', ' ', '\t', '"', '>', '<', 'ä'],
]

test('any text is refused or printed as it is', () => {
  let read = 0
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 30 }), parts => {
      const text = parts.join('')
      let nodes: readonly ApacheNode[]
      try {
        nodes = parse(text)
      } catch (error) {
        assert.ok(isAppError(error, 'ERR_FORMAT'))
        return
      }
      const printed = printApacheNodes(nodes, text)
      if (printed === undefined) return // not understood: such a file is not edited
      read += 1
      assert.equal(printed, text)
    }),
    { numRuns: 3000 },
  )
  assert.ok(read > 200, `only ${read} of the texts were good ones`)
})

test('a tree that lacks a directive is not the whole file', () => {
  const text = 'Listen 80\n<VirtualHost *:80>\n  ServerName a\n</VirtualHost>\n'
  const whole = parse(text)
  assert.equal(printApacheNodes(whole, text), text)
  for (const gone of whole.keys())
    assert.equal(printApacheNodes(whole.toSpliced(gone, 1), text), undefined, `without number ${gone}`)
})

test('arguments lose their quotes, and know where they stand', () => {
  const text = '<Directory "/srv/the \\"web\\" root">\n  Alias \\\n    \'/x y\' /z\n</Directory>'
  const [section] = parse(text)
  assert.deepEqual([section?.name, section?.args], ['directory', ['/srv/the "web" root']])
  const [alias] = section?.children ?? []
  assert.deepEqual(alias?.args, ['/x y', '/z'])
  assert.equal(alias?.place.line, 2)
  assert.deepEqual(
    alias?.spans.words.map(({ start, end }) => text.slice(start, end)),
    ['Alias', "'/x y'", '/z'],
  )
})

test('a comment goes on in the next line after a backslash', () => {
  assert.deepEqual(
    parse('# one \\\nListen 80\nListen 81\n').map(({ args }) => args),
    [['81']],
  )
})
