import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { nodeRandom } from './random.ts'

const random = nodeRandom()

describe('node random', () => {
  it('makes names of the asked length, each character as likely as the others', () => {
    const text = random.id(36_000)
    assert.match(text, /^[a-z0-9]{36000}$/)
    const counts = Map.groupBy(text, character => character)
    assert.equal(counts.size, 36)
    // 1,000 of each are expected, with a standard deviation of 31: seven of them make a false alarm impossible.
    for (const [character, found] of counts) assert.ok(Math.abs(found.length - 1_000) < 220, character)
  })

  it('draws numbers from 0 up to 1', () => {
    const numbers = Array.from({ length: 10_000 }, () => random.fraction())
    assert.ok(numbers.every(number => number >= 0 && number < 1))
    const mean = numbers.reduce((sum, number) => sum + number) / numbers.length
    assert.ok(Math.abs(mean - 0.5) < 0.03, `mean ${mean}`)
  })
})
