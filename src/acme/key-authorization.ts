/** Key authorizations (RFC 8555 §8.1). */

/**
 * What answers a challenge.
 * @param token - from the challenge
 * @param thumbprint - base64url SHA-256 thumbprint of the account key (RFC 7638)
 */
export function keyAuthorization(token: string, thumbprint: string): string {
  return `${token}.${thumbprint}`
}

/** Path of an http-01 response (§8.3). */
export function http01Path(token: string): string {
  return `/.well-known/acme-challenge/${token}`
}
