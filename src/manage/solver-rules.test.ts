import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseIdentifier } from '../acme/identifier.ts'
import { solverChoiceFor } from './solver-rules.ts'

const rule = (name: string, ...patterns: readonly string[]) => ({
  ...{ name, options: {} },
  ...(patterns.length > 0 && { for: patterns.map(parseIdentifier) }),
})

for (const { patterns, fits, misses } of [
  { patterns: ['shop.example'], fits: ['shop.example'], misses: ['www.shop.example', '*.shop.example'] },
  {
    patterns: ['*.shop.example'],
    fits: ['www.shop.example', 'a.b.shop.example', '*.shop.example', '*.b.shop.example'],
    misses: ['shop.example', 'wwwshop.example', 'shop.example.org'],
  },
  { patterns: ['a.example', '*.b.example'], fits: ['a.example', 'x.b.example'], misses: ['b.example'] },
  { patterns: ['192.0.2.7', '2001:DB8:0::1'], fits: ['192.0.2.7', '2001:db8::1'], misses: ['192.0.2.8'] },
]) {
  test(`a rule for ${patterns.join(' and ')} fits ${fits.join(', ')} and not ${misses.join(', ')}`, () => {
    const solvers = [rule('one', ...patterns)]
    const fitting = (names: readonly string[]) =>
      names.filter(name => solverChoiceFor({ solvers }, parseIdentifier(name)) !== undefined)
    assert.deepEqual(fitting([...fits, ...misses]), fits)
  })
}

test('the first rule that fits wins, and one without names is for all that are left', () => {
  const solvers = [rule('exact', 'a.shop.example'), rule('below', '*.shop.example'), rule('rest')]
  const names = ['a.shop.example', 'b.shop.example', 'shop.example', '192.0.2.7']
  assert.deepEqual(
    names.map(name => solverChoiceFor({ solvers }, parseIdentifier(name))?.name),
    ['exact', 'below', 'rest', 'rest'],
  )
})

test('a choice is a name and options, without what it is for', () => {
  const solvers = [{ ...rule('one', 'a.example'), options: { port: 1 } }]
  assert.deepEqual(solverChoiceFor({ solvers }, parseIdentifier('a.example')), {
    name: 'one',
    options: { port: 1 },
  })
})
