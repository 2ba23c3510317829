/** Public keys as JSON Web Keys (RFC 7517, 7518 §6, 8037). */
import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { decodeBase64url } from '../base/base64url.ts'
import { AppError } from '../base/errors.ts'
import { signatureAlgorithmOf } from '../x509/key.ts'

/** A public key of a kind that accounts have, with its required members alone, in the order of RFC 7638. */
export type Jwk =
  | { readonly crv: 'P-256' | 'P-384'; readonly kty: 'EC'; readonly x: string; readonly y: string }
  | { readonly e: string; readonly kty: 'RSA'; readonly n: string }
  | { readonly crv: 'Ed25519'; readonly kty: 'OKP'; readonly x: string }

/**
 * The JWK of a key; of a private key only the public part.
 * @throws AppError ERR_FORMAT for a key of a kind that accounts do not have
 */
export function publicJwk(key: KeyObject): Jwk {
  if (signatureAlgorithmOf(key) === undefined) throw unusable('it is of a kind that is not accepted')
  const publicKey = key.type === 'private' ? createPublicKey(key) : key
  return canonicalJwk(publicKey.export({ format: 'jwk' }))
}

/**
 * The public key of a JWK. Members that do not belong to the key, such as `use` or `kid`, are ignored.
 * @throws AppError ERR_FORMAT when it is no key, is private, or is of a kind that accounts do not have
 */
export function keyFromJwk(value: unknown): KeyObject {
  if (typeof value !== 'object' || value === null) throw unusable('it is no object')
  if ('d' in value) throw unusable('it is a private key')
  const jwk = canonicalJwk(value)
  const key = importJwk(jwk)
  if (signatureAlgorithmOf(key) === undefined) throw unusable('it is of a kind that is not accepted')
  return key
}

/** Octets of a coordinate (RFC 7518 §6.2.1.2, RFC 8037 §2). */
const coordinateBytes = { 'P-256': 32, 'P-384': 48, Ed25519: 32 } as const

function canonicalJwk(given: object): Jwk {
  const { kty, crv, x, y, n, e } = given as Readonly<Record<string, unknown>> // only to read members by name
  if (kty === 'EC' && (crv === 'P-256' || crv === 'P-384')) {
    const width = coordinateBytes[crv]
    return { crv, kty, x: fixedWidth(x, width), y: fixedWidth(y, width) }
  }
  if (kty === 'OKP' && crv === 'Ed25519') return { crv, kty, x: fixedWidth(x, coordinateBytes[crv]) }
  if (kty === 'RSA') return { e: positiveNumber(e), kty, n: positiveNumber(n) }
  throw unusable('it is of a kind that is not accepted')
}

function fixedWidth(text: unknown, width: number): string {
  const { length } = decodeMember(text)
  if (length !== width) throw unusable(`a coordinate has ${length} octets in place of ${width}`)
  return String(text)
}

/** RSA numbers have no leading zero octets (RFC 7518 §2). */
function positiveNumber(text: unknown): string {
  const [first = 0] = decodeMember(text)
  if (first === 0) throw unusable('a number is empty or has leading zeros')
  return String(text)
}

function decodeMember(text: unknown): Uint8Array {
  if (typeof text !== 'string') throw unusable('a required member is missing')
  return decodeBase64url(text)
}

function importJwk(jwk: Jwk): KeyObject {
  try {
    return createPublicKey({ key: { ...jwk } satisfies JsonWebKey, format: 'jwk' })
  } catch (cause) {
    throw unusable('its numbers make no key', cause)
  }
}

function unusable(why: string, cause?: unknown): AppError {
  return new AppError('ERR_FORMAT', `the JSON Web Key cannot be used: ${why}`, {
    cause,
    hint: 'use a key on P-256, P-384 or Ed25519, or RSA with 2048 to 4096 bits',
  })
}
