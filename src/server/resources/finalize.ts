/** Finalizing orders: from CSR to certificate (RFC 8555 §7.4). */
import { sameIdentifiers } from '../../acme/identifier.ts'
import { decodeBase64url } from '../../base/base64url.ts'
import { isAppError, messageOf } from '../../base/errors.ts'
import { v } from '../../base/schema.ts'
import { thumbprint } from '../../jose/thumbprint.ts'
import { certificateId } from '../../x509/cert-id.ts'
import { parseCertificate } from '../../x509/certificate.ts'
import { type Csr, parseCsr } from '../../x509/csr.ts'
import { keyTypeOf } from '../../x509/key.ts'
import { keyTypes } from '../../x509/key-types.ts'
import { encodePem } from '../../x509/pem.ts'
import { waitAtMost } from '../background.ts'
import { issuanceProblem } from '../issuance/lint.ts'
import { validityAt } from '../issuance/validity.ts'
import type { Parts } from '../parts.ts'
import { unguessableText } from '../random.ts'
import { amend, type OrderRecord, statusOfOrder } from '../records.ts'
import { problem, type Reply, refusal } from '../reply.ts'
import { type AccountRequest, readPayload } from '../request.ts'
import { orderOf, orderReply } from './orders.ts'

const finalizeSchema = v.object({ csr: v.string() })

type FinalizeParts = Pick<Parts, 'config' | 'urls' | 'records' | 'clock' | 'issuances'>

/** Takes the CSR and starts issuing. A refused CSR leaves the order ready for a better one. */
export async function finalizeOrder(
  request: AccountRequest,
  id: string,
  parts: FinalizeParts,
): Promise<Reply> {
  const { config, records, clock, issuances } = parts
  const order = orderOf(request, id, parts)
  const { csr } = readPayload(request, finalizeSchema)
  const now = clock.now()
  const status = statusOfOrder(order, { records, now })
  if (status !== 'ready') throw refusal('orderNotReady', `the order is ${status}, not ready`)
  const accepted = acceptCsr(csr, order, { records })
  amend(records.orders, order, { finalizedAt: now }) // from here on no second request gets this far
  const issuing = issuances.start('issuance', signal => issue(order, accepted, { ...parts, signal }))
  await waitAtMost(issuing, config.holdRepliesMs, { clock })
  return orderReply(orderOf(request, id, parts), parts)
}

/**
 * What counts in a CSR: its key, and that it names what was ordered.
 * @throws AcmeProblemError badCSR
 */
function acceptCsr(text: string, { identifiers }: OrderRecord, { records }: Pick<Parts, 'records'>): Csr {
  const csr = readCsr(text)
  if (keyTypeOf(csr.publicKey) === undefined)
    throw refusal('badCSR', `the key is none of ${keyTypes.join(', ')}`)
  if (records.accountIds.has(thumbprint(csr.publicKey)))
    throw refusal(
      'badCSR',
      'the key is an account key, and must not become that of a certificate (RFC 8555 §11.1)',
    )
  if (!sameIdentifiers(csr.identifiers, identifiers))
    throw refusal('badCSR', 'the CSR does not name exactly the identifiers of the order')
  return csr
}

function readCsr(text: string): Csr {
  try {
    return parseCsr(decodeBase64url(text))
  } catch (error) {
    if (isAppError(error)) throw refusal('badCSR', `the CSR cannot be used: ${messageOf(error)}`)
    throw error
  }
}

async function issue(
  order: OrderRecord,
  { publicKey }: Csr,
  parts: Pick<Parts, 'config' | 'records' | 'clock'> & { readonly signal: AbortSignal },
): Promise<void> {
  const { config, records, clock, signal } = parts
  try {
    const profile = config.profiles.get(order.profile ?? '')
    const lifetimeMs = profile?.certificateLifetimeMs ?? config.certificateLifetimeMs
    const { identifiers } = order
    const validity = validityAt(clock.now(), lifetimeMs)
    const chains = await config.issuer.issue({ publicKey, identifiers, ...validity }, { signal })
    keepCertificate(order, { publicKey, chains }, { config, records, clock })
  } catch (error) {
    if (signal.aborted) return // the server is going away; the order stays as it is
    config.log('error', 'issuance-failed', { order: order.id, error: messageOf(error) })
    amend(records.orders, order, { error: problem('serverInternal', 'the certificate could not be issued') })
  }
}

function keepCertificate(
  order: OrderRecord,
  { publicKey, chains }: Pick<Csr, 'publicKey'> & { readonly chains: readonly (readonly Uint8Array[])[] },
  { config, records, clock }: Pick<Parts, 'config' | 'records' | 'clock'>,
): void {
  const { accountId, identifiers } = order
  const now = clock.now()
  const parsed = chains.map(chain => chain.map(parseCertificate))
  const leaf = parsed[0]?.[0]
  if (leaf === undefined) throw new TypeError('the issuer gave no certificate')
  for (const chain of parsed) {
    const wrong = issuanceProblem(chain, { publicKey, identifiers }, { at: now })
    if (wrong !== undefined) throw new TypeError(`the issuer gave a wrong certificate: ${wrong}`)
  }
  const id = unguessableText()
  const chainPems = parsed.map(chain => chain.map(({ der }) => encodePem('CERTIFICATE', der)).join(''))
  records.certificates.set(id, { id, accountId, leaf, chainPems })
  records.certificatesByFingerprint.set(leaf.fingerprint, id)
  records.certificatesByRenewalId.set(certificateId(leaf), id)
  amend(records.orders, order, { issuedAt: now, certificateId: id })
  config.log('info', 'certificate-issued', {
    account: accountId,
    order: order.id,
    fingerprint: leaf.fingerprint,
    identifiers: identifiers.map(({ value }) => value),
  })
}
