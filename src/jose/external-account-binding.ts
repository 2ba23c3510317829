/** External account binding (RFC 8555 §7.3.4): a MAC over the account key, with a key the CA gave out. */
import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto'
import { encodeBase64url } from '../base/base64url.ts'
import { AppError } from '../base/errors.ts'
import { samePublicKey } from '../x509/key.ts'
import { parseJsonObject } from './json.ts'
import { keyFromJwk, publicJwk } from './jwk.ts'
import { type Jws, type JwsParts, parseJwsParts } from './jws.ts'

/** MAC algorithms (RFC 7518 §3.2). */
export const macAlgorithms = ['HS256', 'HS384', 'HS512'] as const
export type MacAlgorithm = (typeof macAlgorithms)[number]

const macHashes = { HS256: 'sha256', HS384: 'sha384', HS512: 'sha512' } as const satisfies Record<
  MacAlgorithm,
  string
>

/**
 * The `externalAccountBinding` member of a newAccount request.
 * @param options - `keyId` and `hmacKey` as the CA gave them; `url` of newAccount; `accountKey` may be private
 */
export function signExternalAccountBinding({
  keyId,
  hmacKey,
  algorithm = 'HS256',
  url,
  accountKey,
}: {
  readonly keyId: string
  readonly hmacKey: Uint8Array
  readonly algorithm?: MacAlgorithm | undefined
  readonly url: string
  readonly accountKey: KeyObject
}): Jws {
  const header = encodeBase64url(JSON.stringify({ alg: algorithm, kid: keyId, url }))
  const payload = encodeBase64url(JSON.stringify(publicJwk(accountKey)))
  const mac = computeMac(algorithm, hmacKey, Buffer.from(`${header}.${payload}`))
  return { protected: header, payload, signature: encodeBase64url(mac) }
}

/** A binding, taken apart; nothing in it is proven before {@link verifyExternalAccountBinding}. */
export type ExternalAccountBinding = Omit<JwsParts, 'header'> & {
  readonly keyId: string
  readonly algorithm: MacAlgorithm
  readonly url: string
}

/**
 * Takes a binding apart and checks its form: a MAC algorithm, a key id, a URL, no nonce.
 * @throws AppError ERR_FORMAT, or ERR_SIGNATURE_ALGORITHM for an algorithm that is not accepted
 */
export function parseExternalAccountBinding(value: unknown): ExternalAccountBinding {
  const { header, ...parts } = parseJwsParts(value)
  const { alg, kid, url, nonce, jwk } = header
  const algorithm = macAlgorithms.find(known => known === alg)
  if (algorithm === undefined) {
    throw new AppError(
      'ERR_SIGNATURE_ALGORITHM',
      'the external account binding has a MAC that is not accepted',
      {
        hint: `use one of ${macAlgorithms.join(', ')}`,
      },
    )
  }
  if (typeof kid !== 'string' || typeof url !== 'string' || nonce !== undefined || jwk !== undefined) {
    throw new AppError(
      'ERR_FORMAT',
      'the external account binding must have kid and url, and neither nonce nor jwk',
    )
  }
  return { ...parts, keyId: kid, algorithm, url }
}

/** Whether the binding is made with this key, for this URL and this account key (RFC 8555 §7.3.4). */
export function verifyExternalAccountBinding(
  { algorithm, url: boundUrl, payload, signingInput, signature }: ExternalAccountBinding,
  {
    hmacKey,
    url,
    accountKey,
  }: { readonly hmacKey: Uint8Array; readonly url: string; readonly accountKey: KeyObject },
): boolean {
  const mac = computeMac(algorithm, hmacKey, signingInput)
  if (mac.length !== signature.length || !timingSafeEqual(mac, signature)) return false
  return boundUrl === url && holdsKey(payload, accountKey)
}

function holdsKey(payload: Uint8Array, accountKey: KeyObject): boolean {
  try {
    return samePublicKey(keyFromJwk(parseJsonObject(payload)), accountKey)
  } catch {
    return false // the payload is no key at all
  }
}

function computeMac(algorithm: MacAlgorithm, hmacKey: Uint8Array, content: Uint8Array): Uint8Array {
  return createHmac(macHashes[algorithm], hmacKey).update(content).digest()
}

/**
 * The HMAC key from the text that a CA shows: base64 or base64url, with or without padding.
 * @throws AppError ERR_FORMAT, without the text in it
 */
export function parseHmacKey(text: string): Uint8Array {
  const base64url = text
    .trim()
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/={1,2}$/, '')
  const bytes = Buffer.from(base64url, 'base64url')
  if (bytes.length === 0 || bytes.toString('base64url') !== base64url) {
    throw new AppError('ERR_FORMAT', 'the HMAC key is not base64', {
      hint: 'copy the key as the CA shows it, without quotes or line breaks',
    })
  }
  return new Uint8Array(bytes)
}
