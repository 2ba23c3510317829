/** From an HTTP request to a signed one: every check of RFC 8555 §6 before a resource sees anything. */
import type { KeyObject } from 'node:crypto'
import { decodeBase64url } from '../base/base64url.ts'
import { isAppError, messageOf } from '../base/errors.ts'
import { describeIssues, parseWith, type v } from '../base/schema.ts'
import { parseJsonObject } from '../jose/json.ts'
import { keyFromJwk } from '../jose/jwk.ts'
import { type ParsedJws, parseJws, verifyJws } from '../jose/jws.ts'
import { signatureAlgorithmOf } from '../x509/key.ts'
import { accountKeyAlgorithms } from '../x509/key-types.ts'
import type { Parts } from './parts.ts'
import type { AccountRecord } from './records.ts'
import { refusal } from './reply.ts'

/** A request whose signature, nonce and URL were good. */
export type SignedRequest = {
  readonly url: string
  /** Empty for a POST-as-GET (§6.3). */
  readonly payload: Uint8Array
  /** The key that signed it. */
  readonly key: KeyObject
  /** The account that signed it; absent when the header carried the key itself. */
  readonly account?: AccountRecord
}
/** A request that was signed for an account, which is valid. */
export type AccountRequest = SignedRequest & { readonly account: AccountRecord }

/** Largest body: Boulder's limit, which every client keeps to. */
const maxBodyBytes = 50_000

/**
 * Reads a signed request and redeems its nonce.
 * @throws AcmeProblemError
 */
export async function readSigned(
  request: Request,
  { urls, records, nonces }: Pick<Parts, 'urls' | 'records' | 'nonces'>,
): Promise<SignedRequest> {
  checkHttp(request)
  const jws = parseSignedBody(await readBody(request))
  const { pathname, search } = new URL(request.url)
  const { header } = jws
  if (header.url !== urls.origin + pathname + search)
    throw refusal('unauthorized', 'the request was signed for another URL (RFC 8555 §6.4)')
  if (header.nonce === undefined) throw refusal('badNonce', 'the request has no nonce')
  if (!isBase64url(header.nonce)) throw refusal('malformed', 'the nonce is not base64url')

  const account = header.kid === undefined ? undefined : accountAt(header.kid, { urls, records })
  const key = account === undefined ? keyOf(header.jwk) : account.key
  checkSignature(jws, key)
  // Only now: a request that somebody else could have made must not use up a nonce.
  if (!nonces.redeem(header.nonce))
    throw refusal('badNonce', 'the nonce was not issued here, was used before, or is too old')
  if (account?.deactivatedAt !== undefined) throw deactivated()
  return { url: header.url, payload: jws.payload, key, ...(account === undefined ? {} : { account }) }
}

/**
 * Reads a request that must be signed for an account.
 * @throws AcmeProblemError
 */
export async function readAccountRequest(
  request: Request,
  parts: Pick<Parts, 'urls' | 'records' | 'nonces'>,
): Promise<AccountRequest> {
  const { account, ...signed } = await readSigned(request, parts)
  if (account !== undefined) return { ...signed, account }
  throw refusal('malformed', 'the header must have kid, the account URL, in place of jwk (RFC 8555 §6.2)')
}

/** What an account that was deactivated gets (§7.3.6). */
export function deactivated() {
  return refusal('unauthorized', 'the account was deactivated', { status: 401 })
}

/**
 * Takes the JWS of a request apart, or the one within a request.
 * @throws AcmeProblemError malformed or badSignatureAlgorithm
 */
export function parseSignedBody(content: Uint8Array): ParsedJws {
  try {
    return parseJws(parseJsonObject(content))
  } catch (error) {
    if (isAppError(error, 'ERR_SIGNATURE_ALGORITHM')) throw badAlgorithm(messageOf(error))
    if (isAppError(error)) throw refusal('malformed', messageOf(error))
    throw error
  }
}

/**
 * The key of a `jwk` header.
 * @throws AcmeProblemError badPublicKey
 */
export function keyOf(jwk: unknown): KeyObject {
  try {
    return keyFromJwk(jwk)
  } catch (error) {
    throw refusal('badPublicKey', messageOf(error))
  }
}

/**
 * Checks that the key made the signature, with the algorithm that belongs to it.
 * @throws AcmeProblemError
 */
export function checkSignature(jws: ParsedJws, key: KeyObject): void {
  if (signatureAlgorithmOf(key) !== jws.header.alg)
    throw badAlgorithm('the key is not one for this algorithm')
  if (!verifyJws(jws, key)) throw refusal('malformed', 'the signature is not good')
}

/**
 * Checks that the payload is the empty string, as in every POST-as-GET.
 * @throws AcmeProblemError malformed
 */
export function requireEmpty({ payload }: SignedRequest): void {
  if (payload.length > 0)
    throw refusal('malformed', 'the payload must be the empty string: this can only be read (RFC 8555 §6.3)')
}

/**
 * The payload, which must be a JSON object that fits the schema.
 * @throws AcmeProblemError malformed
 * @internal
 */
export function readPayload<T>({ payload }: SignedRequest, schema: v.GenericSchema<unknown, T>): T {
  const parsed = parseWith(schema, jsonOf(payload))
  if (parsed.ok) return parsed.value
  throw refusal('malformed', `the payload is not as it must be: ${describeIssues(parsed.issues)}`)
}

function checkHttp(request: Request): void {
  const type = request.headers.get('content-type') ?? ''
  if (type.split(';')[0]?.trim().toLowerCase() !== 'application/jose+json')
    throw refusal('malformed', 'the content type must be application/jose+json', { status: 415 })
  if (request.headers.has('replay-nonce'))
    throw refusal('malformed', 'the nonce belongs into the signed header (RFC 8555 §6.5.1)')
}

async function readBody(request: Request): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of request.body ?? []) {
    length += chunk.length
    if (length > maxBodyBytes)
      throw refusal('malformed', `the body is larger than ${maxBodyBytes} bytes`, { status: 413 })
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function badAlgorithm(detail: string) {
  return refusal('badSignatureAlgorithm', detail, { algorithms: accountKeyAlgorithms })
}

function isBase64url(text: string): boolean {
  try {
    return decodeBase64url(text).length > 0
  } catch {
    return false
  }
}

/** The account of a `kid`, which must be its URL character for character. */
function accountAt(kid: string, { urls, records }: Pick<Parts, 'urls' | 'records'>): AccountRecord {
  const account = records.accounts.get(kid.slice(kid.lastIndexOf('/') + 1))
  if (account !== undefined && urls.account(account.id) === kid) return account
  throw refusal('accountDoesNotExist', 'the kid is not the URL of an account')
}

function jsonOf(payload: Uint8Array): unknown {
  try {
    return parseJsonObject(payload)
  } catch (error) {
    throw refusal('malformed', `the payload cannot be read: ${messageOf(error)}`)
  }
}
