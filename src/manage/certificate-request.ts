/** Certificate signing requests that were made elsewhere: their keys are never seen here. Pure. */
import type { Identifier } from '../acme/identifier.ts'
import { AppError } from '../base/errors.ts'
import { sha256Hex } from '../base/sha256.ts'
import { parseCsr } from '../x509/csr.ts'
import { keyTypeOf, publicKeyDer } from '../x509/key.ts'
import { type KeyType, keyTypes } from '../x509/key-types.ts'
import { parsePem } from '../x509/pem.ts'
import { rsaWeakness } from '../x509/weak-key.ts'

/** A request that was read, and is signed by its own key. */
export type CertificateRequest = {
  readonly der: Uint8Array
  readonly identifiers: readonly Identifier[]
  readonly keyType: KeyType
  /** SHA-256 of the SubjectPublicKeyInfo, lower-case hex. */
  readonly publicKeyHash: string
}

/** What a DER SEQUENCE begins with; no PEM text does. */
const sequenceTag = 0x30

/**
 * Reads a request in PEM or DER.
 * @throws AppError ERR_FORMAT: not exactly one request, not signed by its own key, a name that no certificate can have, or a
 * key that CAs refuse
 */
export function readCertificateRequest(content: Uint8Array | string): CertificateRequest {
  const der = typeof content === 'string' || content[0] !== sequenceTag ? derOf(content) : content
  const { identifiers, publicKey } = parseCsr(der)
  const keyType = keyTypeOf(publicKey)
  if (keyType === undefined) {
    throw new AppError('ERR_FORMAT', 'CSR has a key of a kind that CAs do not certify', {
      hint: `make a new key and a new CSR; there are ${keyTypes.join(', ')}`,
    })
  }
  const weakness = rsaWeakness(publicKey)
  if (weakness !== undefined) {
    throw new AppError('ERR_FORMAT', `CSR has a weak key: ${weakness}`, {
      hint: 'make a new key with another program or device, and a new CSR',
    })
  }
  return { der, identifiers, keyType, publicKeyHash: sha256Hex(publicKeyDer(publicKey)) }
}

/** Older programs put NEW before the label. */
function derOf(content: Uint8Array | string): Uint8Array {
  const text = typeof content === 'string' ? content : new TextDecoder().decode(content)
  const label = text.includes('-----BEGIN NEW CERTIFICATE REQUEST-----')
    ? 'NEW CERTIFICATE REQUEST'
    : 'CERTIFICATE REQUEST'
  const [der, second] = parsePem(text, label)
  if (der !== undefined && second === undefined) return der
  throw new AppError('ERR_FORMAT', 'file has more than one CSR', { hint: 'keep one in it' })
}
