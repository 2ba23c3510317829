/** Private keys as handles that sign. Code that talks to the network never holds key bytes. */
import type { KeyObject } from 'node:crypto'

/** Kinds of certificate keys. */
export const keyTypes = ['ecdsa-p256', 'ecdsa-p384', 'rsa-2048', 'rsa-3072', 'rsa-4096'] as const
export type KeyType = (typeof keyTypes)[number]

/** Kinds of account keys, by their JWS algorithm (RFC 7518, RFC 8037). */
export const accountKeyAlgorithms = ['ES256', 'ES384', 'RS256', 'EdDSA'] as const
export type SignatureAlgorithm = (typeof accountKeyAlgorithms)[number]

/** The only way to use a private key. */
export interface Signer {
  readonly algorithm: SignatureAlgorithm
  readonly publicKey: KeyObject
  /**
   * Signs with the algorithm's own hash.
   * @param encoding - `jose`: r‖s of fixed width (RFC 7518 §3.4); `der`: ECDSA-Sig-Value. Only ECDSA differs.
   */
  sign(content: Uint8Array, encoding: 'jose' | 'der'): Promise<Uint8Array>
}
