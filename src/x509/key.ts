/** Private keys as handles that sign. Code that talks to the network never holds key bytes. */
import {
  type AsymmetricKeyDetails,
  createPrivateKey,
  createPublicKey,
  generateKeyPair as generateKeyPairCallback,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from 'node:crypto'
import { promisify } from 'node:util'
import { AppError, assertNever, messageOf } from '../base/errors.ts'
import { type KeyType, keyTypes, type SignatureAlgorithm } from './key-types.ts'

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

/** The hash of each algorithm as node:crypto names it; Ed25519 has its own. */
export const signatureHashes = {
  ES256: 'sha256',
  ES384: 'sha384',
  RS256: 'sha256',
  EdDSA: undefined,
} as const satisfies Record<SignatureAlgorithm, string | undefined>

const generateKeyPair = promisify(generateKeyPairCallback)
const signBytes = promisify(sign)

/** A new private key for a certificate. RSA keys take long and are made in the thread pool; the others take less than the trip. */
export async function generateKey(type: KeyType): Promise<KeyObject> {
  switch (type) {
    case 'ecdsa-p256':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
    case 'ecdsa-p384':
      return generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey
    case 'rsa-2048':
    case 'rsa-3072':
    case 'rsa-4096':
      return (await generateKeyPair('rsa', { modulusLength: Number(type.slice('rsa-'.length)) })).privateKey
    default:
      return assertNever(type)
  }
}

/** A new private key for an account; RS256 keys have 2048 bits. */
export async function generateAccountKey(algorithm: SignatureAlgorithm): Promise<KeyObject> {
  switch (algorithm) {
    case 'ES256':
      return generateKey('ecdsa-p256')
    case 'ES384':
      return generateKey('ecdsa-p384')
    case 'RS256':
      return generateKey('rsa-2048')
    case 'EdDSA':
      return (await generateKeyPair('ed25519')).privateKey
    default:
      return assertNever(algorithm)
  }
}

/** The type of a certificate key, public or private; `undefined` for keys that we do not put into certificates. */
export function keyTypeOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): KeyType | undefined {
  if (asymmetricKeyType === 'ec') {
    switch (asymmetricKeyDetails?.namedCurve) {
      case 'prime256v1':
        return 'ecdsa-p256'
      case 'secp384r1':
        return 'ecdsa-p384'
      default:
        return undefined
    }
  }
  if (asymmetricKeyType !== 'rsa' || !hasUsableExponent(asymmetricKeyDetails)) return undefined
  return keyTypes.find(type => type === `rsa-${asymmetricKeyDetails?.modulusLength}`)
}

/** What the BR (§6.1.6) recommend, and no more than 32 bits: a long exponent makes verifying slow. */
function hasUsableExponent(details: AsymmetricKeyDetails | undefined): boolean {
  const exponent = details?.publicExponent ?? 0n
  return exponent >= 65_537n && exponent < 2n ** 32n && exponent % 2n === 1n
}

/** Smallest RSA account key: 2048 bits (RFC 7518 §3.3). */
const minRsaBits = 2048
/** Largest RSA account key: verifying costs time, and no CA takes more. */
const maxRsaBits = 4096

/** The JWS algorithm that goes with a key, public or private; `undefined` for keys we do not sign with. */
export function signatureAlgorithmOf(key: KeyObject): SignatureAlgorithm | undefined {
  const { asymmetricKeyType, asymmetricKeyDetails } = key
  if (asymmetricKeyType === 'ed25519') return 'EdDSA'
  if (asymmetricKeyType === 'rsa') {
    const bits = asymmetricKeyDetails?.modulusLength ?? 0
    const usable = bits >= minRsaBits && bits <= maxRsaBits && hasUsableExponent(asymmetricKeyDetails)
    return usable ? 'RS256' : undefined
  }
  const type = keyTypeOf(key)
  return type === 'ecdsa-p256' ? 'ES256' : type === 'ecdsa-p384' ? 'ES384' : undefined
}

/**
 * A signer whose algorithm follows from the key.
 * @throws AppError ERR_FORMAT when the key is of no kind that can sign requests
 */
export function createSigner(privateKey: KeyObject): Signer {
  const algorithm = signatureAlgorithmOf(privateKey)
  if (privateKey.type !== 'private' || algorithm === undefined) {
    throw new AppError('ERR_FORMAT', 'a key of this kind cannot sign requests', {
      hint: 'use a private key on P-256, P-384 or Ed25519, or RSA with 2048 to 4096 bits',
    })
  }
  return {
    algorithm,
    publicKey: createPublicKey(privateKey),
    async sign(content, encoding) {
      const dsaEncoding = encoding === 'jose' ? 'ieee-p1363' : 'der'
      const hash = signatureHashes[algorithm]
      const key = { key: privateKey, dsaEncoding } as const
      // A trip through the thread pool takes longer than a signature, but for RSA.
      return new Uint8Array(
        algorithm === 'RS256' ? await signBytes(hash, content, key) : sign(hash, content, key),
      )
    },
  }
}

/** PKCS#8 PEM, unencrypted. */
export function privateKeyPem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString()
}

const privateKeyBlock = /^-----BEGIN (?:(?:EC|RSA) )?PRIVATE KEY-----$/

/**
 * An unencrypted private key from PEM: PKCS#8, or the older forms of EC and RSA keys.
 * @throws AppError ERR_FORMAT, without any of the text in it
 */
export function parsePrivateKeyPem(text: string): KeyObject {
  const pem = text.trim()
  const boundaries = pem.match(/-----BEGIN [^\n]*/g)?.map(line => line.trim()) ?? []
  if (
    boundaries.length !== 1 ||
    !pem.startsWith('-----BEGIN') ||
    !privateKeyBlock.test(boundaries[0] ?? '')
  ) {
    throw new AppError('ERR_FORMAT', 'not exactly one unencrypted private key in PEM', {
      hint: 'the file starts with -----BEGIN PRIVATE KEY-----; decrypt an encrypted key with openssl pkey',
    })
  }
  try {
    return createPrivateKey({ key: pem, format: 'pem' })
  } catch (cause) {
    throw new AppError('ERR_FORMAT', `the private key cannot be read: ${messageOf(cause)}`, { cause })
  }
}

/** DER of the key's SubjectPublicKeyInfo (RFC 5280 §4.1.2.7); the key may be private. */
export function publicKeyDer(key: KeyObject): Uint8Array {
  return new Uint8Array(publicPart(key).export({ type: 'spki', format: 'der' }))
}

/**
 * A public key of any kind from its SubjectPublicKeyInfo.
 * @throws AppError ERR_FORMAT
 */
export function publicKeyFromDer(der: Uint8Array): KeyObject {
  try {
    return createPublicKey({ key: Buffer.from(der), format: 'der', type: 'spki' })
  } catch (cause) {
    throw new AppError('ERR_FORMAT', 'the public key is malformed or of an unknown kind', { cause })
  }
}

/** Whether two keys have the same public key, however they were encoded; either may be private. */
export function samePublicKey(a: KeyObject, b: KeyObject): boolean {
  return publicPart(a).equals(publicPart(b))
}

function publicPart(key: KeyObject): KeyObject {
  return key.type === 'private' ? createPublicKey(key) : key
}
