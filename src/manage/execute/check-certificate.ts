/** Looking at what the CA sent before anything is stored. Pure. */

import type { KeyObject } from 'node:crypto'
import { type Identifier, sameIdentifiers } from '../../acme/identifier.ts'
import { AppError } from '../../base/errors.ts'
import { dayMs, formatInstant, hourMs, type Instant } from '../../base/instant.ts'
import { printable } from '../../base/printable.ts'
import { type Certificate, parseCertificate } from '../../x509/certificate.ts'
import { checkChain } from '../../x509/chain.ts'
import { samePublicKey } from '../../x509/key.ts'

/** How far the CA's clock may be ahead of ours. */
const clockToleranceMs = hourMs
/** The longest life that is believable: private CAs go beyond the 398 days of the public ones, but not for ever. */
const maxLifetimeMs = 10 * 366 * dayMs

export type CertificateExpectation = {
  /** The key that it was asked for with, private or public. */
  readonly key: KeyObject
  readonly identifiers: readonly Identifier[]
  /** Roots that the chain must lead to; when absent it is checked as far as it goes. */
  readonly roots?: readonly Certificate[]
  readonly now: Instant
}

/**
 * Checks a chain against what was asked for.
 * @param chain - DER, leaf first
 * @returns the parsed leaf
 * @throws AppError ERR_CERTIFICATE_MISMATCH that says what differs
 */
export function checkCertificate(
  chain: readonly Uint8Array[],
  { key, identifiers, roots, now }: CertificateExpectation,
): Certificate {
  const certificates = chain.map(readCertificate)
  const [leaf] = certificates
  if (leaf === undefined) throw mismatch('it sent an empty chain')
  if (!samePublicKey(leaf.publicKey, key)) throw mismatch('the certificate is for a key that is not ours')
  if (!sameIdentifiers(leaf.identifiers, identifiers)) {
    const list = (names: readonly Identifier[]) =>
      names
        .slice(0, 10)
        .map(({ value }) => printable(value, 100))
        .join(', ')
    throw mismatch(
      `the certificate is for ${list(leaf.identifiers) || 'no name'}, not for ${list(identifiers)}`,
    )
  }
  if (leaf.isCa) throw mismatch('the certificate is one of a CA, not of a server')
  if (leaf.notAfter <= leaf.notBefore) throw mismatch('the certificate ends before it begins')
  if (leaf.notAfter <= now)
    throw mismatch(`the certificate expired at ${formatInstant(leaf.notAfter)}`, clockHint)
  if (leaf.notBefore > now + clockToleranceMs) {
    throw mismatch(`the certificate is not valid before ${formatInstant(leaf.notBefore)}`, clockHint)
  }
  if (leaf.notAfter - leaf.notBefore > maxLifetimeMs)
    throw mismatch('the certificate lives longer than ten years')
  const at = Math.max(now, leaf.notBefore) as Instant // the later of two instants
  const problem = checkChain(certificates, { at, ...(roots !== undefined && { roots }) })
  if (problem !== undefined) throw mismatch(`its chain is not good: ${problem.text}`)
  return leaf
}

const reportHint = 'the earlier certificate stays in use; report this to the CA'
const clockHint = 'check the clock of this machine'

function readCertificate(der: Uint8Array): Certificate {
  try {
    return parseCertificate(der)
  } catch (error) {
    throw new AppError('ERR_CERTIFICATE_MISMATCH', 'the CA sent a certificate that cannot be read', {
      cause: error,
      hint: reportHint,
    })
  }
}

function mismatch(what: string, hint = reportHint): AppError {
  return new AppError('ERR_CERTIFICATE_MISMATCH', `the CA did not send what was asked for: ${what}`, { hint })
}
