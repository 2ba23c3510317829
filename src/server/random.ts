/** Randomness that nobody may guess: ids, nonces and tokens. */
import { randomBytes } from 'node:crypto'
import { encodeBase64url } from '../base/base64url.ts'

/** RFC 8555 §8.1 wants at least 128 bits in a token; ids and nonces are made the same way. */
const unguessableBytes = 16

/** 22 characters of base64url with 128 bits of entropy. */
export function unguessableText(): string {
  return encodeBase64url(randomBytes(unguessableBytes))
}

/**
 * A repeatable stream of numbers from 0 up to 1, for faults that a test wants to see again (the generator is
 * Marsaglia's 32-bit xorshift; it has no use where somebody could gain from guessing).
 */
export function seededFractions(seed: number): () => number {
  let state = Math.imul(seed, 0x9e3779b1) | 0 || 1 // spreads small seeds; zero would stay zero for ever
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 0x1_0000_0000
  }
}
