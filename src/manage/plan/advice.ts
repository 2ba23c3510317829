/** When the CA is asked for its advice on a renewal (RFC 9773). Pure. */
import type { Instant } from '../../base/instant.ts'
import type { RenewalRecord } from '../store/renewals.ts'
import type { StoredCertificate } from '../store/stored-certificate.ts'

/**
 * The instant from which the CA is asked; in the past for a certificate that it was never asked about.
 * @returns `undefined` where it cannot be asked, or need not be any more
 */
export function adviceDueAt(
  certificate: Pick<StoredCertificate, 'certificateId' | 'fingerprint' | 'storedAt'>,
  renewal: RenewalRecord | undefined,
): Instant | undefined {
  if (certificate.certificateId === undefined) return undefined
  if (renewal?.fingerprint !== certificate.fingerprint) return certificate.storedAt
  return renewal.checkAgainAt
}
