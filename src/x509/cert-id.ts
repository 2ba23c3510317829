/** Certificate identifiers of ACME Renewal Information (RFC 9773 §4.1). */

import { encodeBase64url } from '../base/base64url.ts'
import { AppError } from '../base/errors.ts'
import type { Certificate } from './certificate.ts'

/**
 * The identifier under which a CA gives renewal information: authority key identifier and serial number.
 * @throws AppError ERR_FORMAT for a certificate without an authority key identifier
 */
export function certificateId({
  authorityKeyIdentifier,
  serialNumber,
  fingerprint,
}: Pick<Certificate, 'authorityKeyIdentifier' | 'serialNumber' | 'fingerprint'>): string {
  if (authorityKeyIdentifier === undefined) {
    throw new AppError('ERR_FORMAT', `certificate ${fingerprint} has no authority key identifier`, {
      hint: 'renewal information cannot be asked for; the certificate is renewed by its age',
    })
  }
  return `${encodeBase64url(authorityKeyIdentifier)}.${encodeBase64url(serialNumber)}`
}
