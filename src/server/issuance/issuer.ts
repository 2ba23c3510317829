/** What signs certificates: the local CA beside this file, or anything else that can. */
import type { KeyObject } from 'node:crypto'
import type { Identifier } from '../../acme/identifier.ts'
import type { Instant } from '../../base/instant.ts'

/** What a certificate will say. Nothing else of the CSR reaches an issuer. */
export type IssueRequest = {
  readonly publicKey: KeyObject
  readonly identifiers: readonly Identifier[]
  readonly notBefore: Instant
  readonly notAfter: Instant
}

export interface Issuer {
  /**
   * Issues a certificate.
   * @returns one or more chains (DER, leaf first) for the same leaf, the preferred one first
   * @throws anything when it cannot; the order then becomes invalid
   */
  issue(
    request: IssueRequest,
    options: { readonly signal: AbortSignal },
  ): Promise<readonly (readonly Uint8Array[])[]>
}
