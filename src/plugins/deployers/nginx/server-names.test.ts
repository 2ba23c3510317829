import assert from 'node:assert/strict'
import test from 'node:test'
import { parseIdentifier } from '../../../acme/identifier.ts'
import { matchingNames, selectByName } from './server-names.ts'

const selections: readonly {
  readonly blocks: readonly string[]
  readonly name: string
  /** A block, `no-name-matches` or `unknown`. */
  readonly expected: string
}[] = [
  { blocks: ['b.test', 'a.test'], name: 'a.test', expected: 'a.test' },
  { blocks: ['*.a.test', 'x.a.test'], name: 'x.a.test', expected: 'x.a.test' },
  { blocks: ['.a.test'], name: 'a.test', expected: '.a.test' },
  { blocks: ['.a.test'], name: 'x.y.a.test', expected: '.a.test' },
  { blocks: ['*.a.test'], name: 'a.test', expected: 'no-name-matches' },
  { blocks: ['*.a.test'], name: 'xa.test', expected: 'no-name-matches' },
  { blocks: ['*.test', '*.a.test'], name: 'x.a.test', expected: '*.a.test' },
  { blocks: ['www.*', '*.a.test'], name: 'www.a.test', expected: '*.a.test' },
  { blocks: ['www.*', 'www.a.*'], name: 'www.a.test', expected: 'www.a.*' },
  { blocks: ['www.a.test.*'], name: 'www.a.test', expected: 'no-name-matches' },
  { blocks: ['_', ''], name: 'a.test', expected: 'no-name-matches' },
  { blocks: ['~^a', 'b.test'], name: 'a.test', expected: 'unknown' },
  { blocks: ['~^a', 'a.test'], name: 'a.test', expected: 'a.test' },
]

for (const { blocks, name, expected } of selections) {
  test(`${name} among ${blocks.map(block => `"${block}"`).join(' ')} selects ${expected}`, () => {
    const selection = selectByName(
      blocks.map(block => ({ names: [block] })),
      name,
    )
    assert.equal(typeof selection === 'string' ? selection : selection.block.names[0], expected)
  })
}

test('of two blocks with the same name the first is selected', () => {
  const first = { names: ['a.test'] }
  const selection = selectByName([first, { names: ['a.test'] }], 'a.test')
  assert.ok(typeof selection === 'object' && selection.block === first)
})

const matches: readonly {
  readonly names: string
  readonly identifiers: string
  readonly expected: string
}[] = [
  { names: 'a.test www.a.test', identifiers: 'a.test b.test', expected: 'a.test' },
  { names: '.a.test', identifiers: 'a.test x.a.test b.test', expected: 'a.test x.a.test' },
  { names: 'x.a.test y.a.test', identifiers: '*.a.test', expected: 'x.a.test y.a.test' },
  { names: 'a.test x.y.a.test', identifiers: '*.a.test', expected: '' },
  { names: '*.a.test', identifiers: '*.a.test', expected: 'certwright-probe.a.test' },
  { names: '.a.test', identifiers: '*.a.test', expected: 'certwright-probe.a.test' },
  { names: 'a.test *.a.test', identifiers: '*.a.test', expected: 'certwright-probe.a.test' },
  { names: '*.test', identifiers: '*.a.test', expected: 'certwright-probe.a.test' },
  { names: 'www.*', identifiers: '*.a.test', expected: 'www.a.test' },
  { names: '*.b.a.test', identifiers: '*.a.test', expected: '' },
  { names: '~^x _', identifiers: 'a.test *.a.test 192.0.2.1', expected: '' },
]

for (const { names, identifiers, expected } of matches) {
  test(`server_name ${names} with a certificate for ${identifiers} is asked for "${expected}"`, () => {
    const found = matchingNames({ names: names.split(' ') }, identifiers.split(' ').map(parseIdentifier))
    assert.equal(found.join(' '), expected)
  })
}
