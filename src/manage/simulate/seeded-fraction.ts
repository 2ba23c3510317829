/** Chance that can be repeated: the same number for the same seed and position, without a state. */

/** A number from 0 up to, but not including, 1. */
export function fractionOf(seed: number, position: number): number {
  // Two rounds of multiplying and folding, after which neighbours have nothing in common.
  let mixed = Math.imul(seed ^ 0x5bd1e995, 0x9e3779b1) ^ (position >>> 0)
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32
}
