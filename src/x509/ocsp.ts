/** Where a certificate says its revocation can be asked (RFC 5280 §4.2.2.1). */
import { X509Certificate } from 'node:crypto'

/** The URL of the OCSP responder that a certificate (PEM or DER) names, if any. */
export function ocspResponder(certificate: string | Uint8Array): string | undefined {
  const { infoAccess } = new X509Certificate(certificate)
  return infoAccess === undefined ? undefined : /^OCSP - URI:(.+)$/m.exec(infoAccess)?.[1]
}
