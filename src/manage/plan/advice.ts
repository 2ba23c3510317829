/** When the CA is asked for its advice on a renewal (RFC 9773). Pure. */
import { dayMs, hourMs, type Instant } from '../../base/instant.ts'
import type { RenewalRecord } from '../store/renewals.ts'
import type { StoredCertificate } from '../store/stored-certificate.ts'

/** No CA is asked less often; with what a clock may be set back by. */
const longestPauseMs = dayMs + hourMs

/**
 * The instant from which the CA is asked; not in the future for a certificate that it was never asked about, and where only
 * a clock that was ahead can have said when to ask again.
 * @returns `undefined` where it cannot be asked, or need not be any more
 */
export function adviceDueAt(
  certificate: Pick<StoredCertificate, 'certificateId' | 'fingerprint' | 'storedAt'>,
  renewal: RenewalRecord | undefined,
  now: Instant,
): Instant | undefined {
  if (certificate.certificateId === undefined) return undefined
  if (renewal?.fingerprint !== certificate.fingerprint) return certificate.storedAt
  const { checkAgainAt } = renewal
  return checkAgainAt !== undefined && checkAgainAt > now + longestPauseMs ? now : checkAgainAt
}
