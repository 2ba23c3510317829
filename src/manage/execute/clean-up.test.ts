import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseIdentifier } from '../../acme/identifier.ts'
import type { Solver } from '../../contracts/solver.ts'
import { fakeRuntime } from '../../testing/fake-runtime.ts'
import { defaultSpecName } from '../spec.ts'
import { readLeftOvers } from '../store/left-overs.ts'
import { leftOversPath } from '../store/paths.ts'
import { tidyUp } from './clean-up.ts'

const state = '/state'
const name = defaultSpecName(parseIdentifier('a.example'))
const solver = { name: 'test', options: {} }
const presented = (...tokens: readonly string[]) => [{ solver, provisions: tokens.map(token => ({ token })) }]

function open() {
  const runtime = fakeRuntime()
  const stuck = new Set<unknown>()
  const cleaned: unknown[] = []
  const warnings: string[] = []
  const cleanUp: Solver['cleanUp'] = async ({ token }) => {
    if (stuck.has(token)) throw new Error('it is stuck')
    cleaned.push(token)
  }
  const options = {
    name,
    solverFor: async () => ({ cleanUp }) as Solver, // nothing else of it is used
    onEvent: ({ text }: { readonly text: string }) => void warnings.push(text),
  }
  return { runtime, stuck, cleaned, warnings, options }
}

test('what cannot be taken away is written down and tried again, the last that was presented first', async () => {
  const { runtime, stuck, cleaned, warnings, options } = open()
  stuck.add('one')
  assert.equal(await tidyUp(state, { ...options, presented: presented('one', 'two') }, runtime), true)
  assert.deepEqual(await readLeftOvers(state, name, runtime), presented('one'))
  assert.deepEqual(warnings, [
    'cleaning up after the challenge failed: it is stuck; the next run tries it again',
  ])
  stuck.clear()
  assert.equal(await tidyUp(state, { ...options, presented: presented('three') }, runtime), true)
  assert.deepEqual(cleaned, ['two', 'three', 'one'])
  assert.deepEqual(await runtime.files.list(`${state}/runs`), [])
  assert.equal(warnings.length, 1)
})

test('a solver that cannot be made leaves everything for the next time', async () => {
  const { runtime, warnings, options } = open()
  const solverFor = () => Promise.reject(new Error('there is no solver "test"'))
  await tidyUp(state, { ...options, solverFor, presented: presented('one') }, runtime)
  assert.deepEqual(await readLeftOvers(state, name, runtime), presented('one'))
  assert.match(warnings.join(), /there is no solver "test"/)
})

test('left-overs that are damaged are said to be so, and are in nobody’s way', async () => {
  const { runtime, warnings, options } = open()
  await runtime.files.makeDirectory(`${state}/runs`, 0o700)
  await runtime.files.writeNew(leftOversPath(state, name), '[{}', 0o600)
  assert.equal(await tidyUp(state, { ...options, presented: [] }, runtime), true)
  assert.match(warnings.join(), /\.left-over-a\.example\.json is damaged/)
  assert.deepEqual(await runtime.files.list(`${state}/runs`), [])
})

test('on a disk that cannot be written to, a person is told what to remove', async () => {
  const { runtime, stuck, warnings, options } = open()
  stuck.add('one')
  runtime.files.setFaults(({ operation }) => (operation === 'replace' ? { code: 'ENOSPC' } : undefined))
  assert.equal(await tidyUp(state, { ...options, presented: presented('one') }, runtime), false)
  assert.match(warnings.join(), /it is stuck; remove it yourself, .*ENOSPC/)
})
