/** Thumbprints of keys (RFC 7638, RFC 8037 §2). */
import { createHash, type KeyObject } from 'node:crypto'
import { publicJwk } from './jwk.ts'

/**
 * SHA-256 over the canonical JWK, as base64url. The key may be private.
 * @throws AppError ERR_FORMAT for a key of a kind that accounts do not have
 */
export function thumbprint(key: KeyObject): string {
  // `publicJwk` has the required members alone, in lexicographic order: its JSON is the canonical form.
  return createHash('sha256')
    .update(JSON.stringify(publicJwk(key)))
    .digest('base64url')
}
