/** Revoking certificates (RFC 8555 §7.6). */
import { createHash } from 'node:crypto'
import { revocationReason, revocationReasons } from '../../acme/revocation.ts'
import { decodeBase64url } from '../../base/base64url.ts'
import { v } from '../../base/schema.ts'
import { samePublicKey } from '../../x509/key.ts'
import type { Parts } from '../parts.ts'
import { amend, type CertificateRecord, validAuthorization } from '../records.ts'
import { notFound, type Reply, refusal } from '../reply.ts'
import { readPayload, type SignedRequest } from '../request.ts'

const revocationSchema = v.object({
  certificate: v.string(),
  reason: v.optional(v.pipe(v.number(), v.integer()), 0),
})

/**
 * Revokes a certificate for the account that ordered it, for one that now controls all its identifiers, or for the
 * holder of its key.
 */
export function revokeCertificate(
  request: SignedRequest,
  parts: Pick<Parts, 'config' | 'records' | 'clock'>,
): Reply {
  const { config, records, clock } = parts
  const { certificate: text, reason: code } = readPayload(request, revocationSchema)
  const certificate = records.certificates.get(
    records.certificatesByFingerprint.get(fingerprintOf(text)) ?? '',
  )
  if (certificate === undefined) throw notFound('certificate')
  if (!mayRevoke(request, certificate, parts))
    throw refusal('unauthorized', 'neither this account nor this key may revoke the certificate')
  const reason = revocationReason(code)
  if (reason === undefined) {
    const codes = Object.values(revocationReasons).join(', ')
    throw refusal('badRevocationReason', `the reason must be one of ${codes}`)
  }
  if (certificate.revoked !== undefined) throw refusal('alreadyRevoked', 'the certificate was revoked before')
  amend(records.certificates, certificate, { revoked: { at: clock.now(), reason } })
  config.log('info', 'certificate-revoked', { fingerprint: certificate.leaf.fingerprint, reason })
  return {}
}

function fingerprintOf(text: string): string {
  try {
    return createHash('sha256').update(decodeBase64url(text)).digest('hex')
  } catch {
    throw refusal('malformed', 'the certificate is not base64url')
  }
}

function mayRevoke(
  { account, key }: SignedRequest,
  { accountId, leaf }: CertificateRecord,
  { records, clock }: Pick<Parts, 'records' | 'clock'>,
): boolean {
  if (account === undefined) return samePublicKey(key, leaf.publicKey)
  if (account.id === accountId) return true
  const now = clock.now()
  return leaf.identifiers.every(
    identifier => validAuthorization(records, { accountId: account.id, identifier, now }) !== undefined,
  )
}
