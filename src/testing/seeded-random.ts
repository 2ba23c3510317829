/** Randomness that can be repeated. */
import type { Random } from '../runtime/random.ts'

const idCharacters = 'abcdefghijklmnopqrstuvwxyz0123456789'

/** The same numbers and names for the same seed: a 32-bit counter run through a mixing function. */
export function seededRandom(seed = 1): Random {
  let state = seed >>> 0
  const fraction = (): number => {
    state = (state + 0x9e3779b9) >>> 0 // the golden ratio: visits every state once
    let mixed = state
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32
  }
  return {
    fraction,
    id: length => Array.from({ length }, () => idCharacters[Math.floor(fraction() * 36)]).join(''),
  }
}
