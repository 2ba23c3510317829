import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createHeld } from './held.ts'

test('the last is given back first, and a failure keeps none of the others', async () => {
  const given: string[] = []
  const thing = (name: string) => ({
    [Symbol.asyncDispose]: async () => {
      given.push(name)
      if (name.startsWith('bad')) throw new Error(name)
    },
  })
  const held = createHeld()
  for (const name of ['one', 'bad two', 'three', 'bad four']) held.use(thing(name))
  await assert.rejects(async () => await held[Symbol.asyncDispose](), { message: 'bad four' })
  assert.deepEqual(given, ['bad four', 'three', 'bad two', 'one'])
  await held[Symbol.asyncDispose]()
  assert.equal(given.length, 4, 'once')
})
