import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createNonces } from './nonces.ts'
import { seededFractions } from './random.ts'

it('a nonce is redeemed exactly once', () => {
  const nonces = createNonces()
  const nonce = nonces.issue()
  assert.equal(nonces.redeem(nonce), true)
  assert.equal(nonces.redeem(nonce), false)
})

it('a nonce that was never issued is not redeemed', () => {
  assert.equal(createNonces().redeem('AAAAAAAAAAAAAAAAAAAAAA'), false)
})

it('nonces are base64url of 128 bits and never repeat', () => {
  const nonces = createNonces()
  const issued = Array.from({ length: 1_000 }, () => nonces.issue())
  for (const nonce of issued) assert.match(nonce, /^[A-Za-z0-9_-]{22}$/)
  assert.equal(new Set(issued).size, issued.length)
})

it('beyond the limit the oldest nonce is forgotten', () => {
  const nonces = createNonces({ limit: 2 })
  const [first, second, third] = [nonces.issue(), nonces.issue(), nonces.issue()]
  assert.deepEqual(
    [first, second, third].map(nonce => nonces.redeem(nonce)),
    [false, true, true],
  )
})

it('seeded fractions repeat for the same seed, differ between seeds, and fill the range evenly', () => {
  const draw = (seed: number) => {
    const next = seededFractions(seed)
    return Array.from({ length: 10_000 }, next)
  }
  assert.deepEqual(draw(7), draw(7))
  assert.notDeepEqual(draw(7), draw(8))
  for (const seed of [0, 1, 7, 12_345]) {
    const values = draw(seed)
    assert.ok(values.every(value => value >= 0 && value < 1))
    const share = values.filter(value => value < 0.5).length / values.length
    assert.ok(Math.abs(share - 0.5) < 0.03, `seed ${seed}: ${share}`)
  }
})
