/** The kinds of keys there are. A file of its own, because node:crypto takes long to load. */

/** Kinds of certificate keys. */
export const keyTypes = ['ecdsa-p256', 'ecdsa-p384', 'rsa-2048', 'rsa-3072', 'rsa-4096'] as const
export type KeyType = (typeof keyTypes)[number]

/** Kinds of account keys, by their JWS algorithm (RFC 7518, RFC 8037). */
export const accountKeyAlgorithms = ['ES256', 'ES384', 'RS256', 'EdDSA'] as const
export type SignatureAlgorithm = (typeof accountKeyAlgorithms)[number]
