/** Real randomness. */
import type { Random } from '../random.ts'

const idCharacters = 'abcdefghijklmnopqrstuvwxyz0123456789'
/** Bytes from here on are thrown away, so that every character is equally likely: 7 * 36. */
const firstUnfairByte = 256 - (256 % idCharacters.length)

/** Randomness of the system's generator: names made of it cannot be guessed. */
export function nodeRandom(): Random {
  return {
    fraction: () => (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) / 2 ** 32,
    id,
  }
}

function id(length: number): string {
  let text = ''
  while (text.length < length) {
    const bytes = crypto.getRandomValues(new Uint8Array(length - text.length))
    for (const byte of bytes) if (byte < firstUnfairByte) text += idCharacters[byte % idCharacters.length]
  }
  return text
}
