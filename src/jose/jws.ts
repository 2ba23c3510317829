/** Signed requests: flattened JSON Web Signatures as RFC 8555 §6.2 restricts them. */
import { type KeyObject, verify } from 'node:crypto'
import { decodeBase64url, encodeBase64url } from '../base/base64url.ts'
import { AppError } from '../base/errors.ts'
import { type Signer, signatureAlgorithmOf, signatureHashes } from '../x509/key.ts'
import { accountKeyAlgorithms, type SignatureAlgorithm } from '../x509/key-types.ts'
import { parseJsonObject } from './json.ts'
import { publicJwk } from './jwk.ts'

/** The flattened JSON serialization (RFC 7515 §7.2.2). */
export type Jws = { readonly protected: string; readonly payload: string; readonly signature: string }

/** How a request is signed. */
export type JwsOptions = {
  readonly signer: Signer
  /** The URL that the request goes to. */
  readonly url: string
  /** Left out of the inner signature of a key change. */
  readonly nonce?: string | undefined
  /** The account URL. Without it the header carries the public key. */
  readonly kid?: string | undefined
}

/**
 * Signs a payload.
 * @param payload - a JSON value; the empty string makes a POST-as-GET (RFC 8555 §6.3)
 */
export async function createJws(payload: unknown, { signer, url, nonce, kid }: JwsOptions): Promise<Jws> {
  const header = {
    alg: signer.algorithm,
    ...(nonce === undefined ? {} : { nonce }),
    url,
    ...(kid === undefined ? { jwk: publicJwk(signer.publicKey) } : { kid }),
  }
  const encodedHeader = encodeBase64url(JSON.stringify(header))
  const encodedPayload = payload === '' ? '' : encodeBase64url(JSON.stringify(payload))
  const signature = await signer.sign(Buffer.from(`${encodedHeader}.${encodedPayload}`), 'jose')
  return { protected: encodedHeader, payload: encodedPayload, signature: encodeBase64url(signature) }
}

/** The body of a request: {@link createJws} as JSON text. */
export async function signJws(payload: unknown, options: JwsOptions): Promise<string> {
  return JSON.stringify(await createJws(payload, options))
}

/** A protected header that has the form it must have; nothing in it is proven before {@link verifyJws}. */
export type ProtectedHeader = {
  readonly alg: SignatureAlgorithm
  readonly url: string
  readonly nonce?: string
} & (
  | { readonly kid: string; readonly jwk?: never }
  /** As it came: see `keyFromJwk`. */
  | { readonly jwk: object; readonly kid?: never }
)

/** A signed request, taken apart. */
export type ParsedJws = {
  readonly header: ProtectedHeader
  /** Empty for a POST-as-GET. */
  readonly payload: Uint8Array
  readonly signingInput: Uint8Array
  readonly signature: Uint8Array
}

/** The parts of a flattened JWS before anything is said about its header. */
export type JwsParts = Omit<ParsedJws, 'header'> & { readonly header: Readonly<Record<string, unknown>> }

/**
 * Takes a flattened JWS apart: no unprotected header, no several signatures, no critical extensions.
 * @param value - parsed JSON; where it came as text, `parseJsonObject` refuses duplicate members, which cannot be seen here
 * @throws AppError ERR_FORMAT
 */
export function parseJwsParts(value: unknown): JwsParts {
  if (typeof value !== 'object' || value === null) throw malformed('it is no object')
  if ('header' in value) throw malformed('it has an unprotected header')
  if ('signatures' in value) throw malformed('it is not in the flattened form')
  const { protected: encodedHeader, payload, signature } = value as Partial<Record<string, unknown>> // members to be checked
  if (typeof encodedHeader !== 'string' || typeof payload !== 'string' || typeof signature !== 'string') {
    throw malformed('it lacks protected, payload or signature')
  }
  const header = parseJsonObject(decodePart('protected header', encodedHeader))
  if ('crit' in header || 'b64' in header) throw malformed('its header has critical extensions')
  return {
    header,
    payload: decodePart('payload', payload),
    signingInput: Buffer.from(`${encodedHeader}.${payload}`),
    signature: decodePart('signature', signature),
  }
}

/**
 * Takes a signed request apart and checks its form.
 * @param value - as for {@link parseJwsParts}
 * @throws AppError ERR_FORMAT, or ERR_SIGNATURE_ALGORITHM for an algorithm that is not accepted
 */
export function parseJws(value: unknown): ParsedJws {
  const parts = parseJwsParts(value)
  const { alg, url, nonce, jwk, kid } = parts.header
  if (typeof alg !== 'string') throw malformed('its header names no algorithm')
  const algorithm = accountKeyAlgorithms.find(known => known === alg)
  if (algorithm === undefined) {
    throw new AppError(
      'ERR_SIGNATURE_ALGORITHM',
      'the request is signed with an algorithm that is not accepted',
      {
        hint: `use one of ${accountKeyAlgorithms.join(', ')}`,
      },
    )
  }
  if (typeof url !== 'string') throw malformed('its header has no url')
  if (nonce !== undefined && typeof nonce !== 'string')
    throw malformed('its header has a nonce that is no text')
  const common = { alg: algorithm, url, ...(nonce === undefined ? {} : { nonce }) }
  if (typeof kid === 'string' && jwk === undefined) return { ...parts, header: { ...common, kid } }
  if (typeof jwk === 'object' && jwk !== null && kid === undefined)
    return { ...parts, header: { ...common, jwk } }
  throw malformed('its header must have either jwk or kid')
}

/** Whether the request is signed by this key with the algorithm that its header names. */
export function verifyJws({ header, signingInput, signature }: ParsedJws, key: KeyObject): boolean {
  if (signatureAlgorithmOf(key) !== header.alg) return false
  try {
    return verify(signatureHashes[header.alg], signingInput, { key, dsaEncoding: 'ieee-p1363' }, signature)
  } catch {
    return false // node:crypto throws on some signatures that cannot even be decoded
  }
}

function decodePart(name: string, text: string): Uint8Array {
  try {
    return decodeBase64url(text)
  } catch (cause) {
    throw malformed(`its ${name} is not base64url without padding`, cause)
  }
}

function malformed(why: string, cause?: unknown): AppError {
  return new AppError('ERR_FORMAT', `the request is not a valid JWS: ${why}`, { cause })
}
