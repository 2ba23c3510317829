/** Anti-replay nonces (RFC 8555 §6.5). */
import { seededFractions, unguessableText } from './random.ts'

export type Nonces = {
  issue(): string
  /** Whether the nonce was issued here and is used for the first time. It never is again. */
  redeem(nonce: string): boolean
}

/** Nonces that are remembered; at about 100 bytes each this is some 6 MB, and only a flood forgets one in use. */
const maxOutstandingNonces = 65_536

/**
 * Nonces kept in memory, the oldest forgotten first. A forgotten nonce is answered like a used one: with `badNonce`,
 * which every client repeats with a fresh one.
 * @param rejected - the share of good nonces that is refused all the same, from 0 to 1; `seed` makes it repeatable
 */
export function createNonces({
  limit = maxOutstandingNonces,
  rejected = 0,
  seed = 1,
}: {
  readonly limit?: number
  readonly rejected?: number
  readonly seed?: number
} = {}): Nonces {
  const outstanding = new Set<string>()
  const nextFraction = seededFractions(seed)
  return {
    issue() {
      const nonce = unguessableText()
      outstanding.add(nonce)
      const [oldest] = outstanding
      if (outstanding.size > limit && oldest !== undefined) outstanding.delete(oldest)
      return nonce
    },
    redeem: nonce => outstanding.delete(nonce) && nextFraction() >= rejected,
  }
}
