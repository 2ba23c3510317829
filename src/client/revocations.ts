/** Revocation (RFC 8555 §7.6). */
import { isProblemError } from '../acme/problem.ts'
import { type RevocationReason, revocationReasons } from '../acme/revocation.ts'
import { encodeBase64url } from '../base/base64url.ts'
import type { Signer } from '../x509/key.ts'
import type { AccountKey } from './accounts.ts'
import type { RequestOptions, Transport } from './transport.ts'

/** Who asks: an account that may, or the holder of the certificate's own key. */
export type Revoker = { readonly account: AccountKey } | { readonly certificateSigner: Signer }

/** Requests about revocation. */
export type RevocationRequests = {
  /**
   * Revokes a certificate; one that is revoked already counts as done. ACME has no way to ask whether a certificate is
   * revoked, so after a lost reply the request is sent again, which does no harm.
   * @throws AcmeProblemError; AppError ERR_REPLY_LOST when every reply was lost
   */
  readonly revokeCertificate: (
    revoker: Revoker,
    certificateDer: Uint8Array,
    reason: RevocationReason,
    options: RequestOptions,
  ) => Promise<void>
}

/** Revocation requests over a transport. */
export function revocationRequests(transport: Transport): RevocationRequests {
  return {
    revokeCertificate: async (revoker, certificateDer, reason, options) => {
      const identity =
        'account' in revoker
          ? { signer: revoker.account.signer, kid: revoker.account.url }
          : { signer: revoker.certificateSigner }
      const payload = () => ({
        certificate: encodeBase64url(certificateDer),
        reason: revocationReasons[reason],
      })
      const target = { resource: 'revokeCert' } as const
      const request = { task: 'revoke the certificate', target, ...identity, payload, repeatable: true }
      try {
        await transport.post(request, options)
      } catch (error) {
        if (!isProblemError(error, 'alreadyRevoked')) throw error
      }
    },
  }
}
