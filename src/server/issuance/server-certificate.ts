/** A certificate for a TLS server straight from an issuer, without ACME: for the CA's own socket, and for test servers. */
import type { Identifier } from '../../acme/identifier.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { generateKey, privateKeyPem } from '../../x509/key.ts'
import { encodePem } from '../../x509/pem.ts'
import type { Issuer } from './issuer.ts'
import { validityAt } from './validity.ts'

/** What a TLS server is started with. */
export type ServerCertificate = {
  /** Leaf first. */
  readonly certificatePem: string
  readonly keyPem: string
}

export type ServerCertificateOptions = {
  readonly identifiers: readonly Identifier[]
  readonly lifetimeMs: number
  readonly signal?: AbortSignal
}

/**
 * Issues a certificate for a new P-256 key. Nothing is proven: the caller says whose names these are.
 * @throws what the issuer throws
 */
export async function issueServerCertificate(
  issuer: Issuer,
  { identifiers, lifetimeMs, signal = new AbortController().signal }: ServerCertificateOptions,
  { clock }: Pick<Runtime, 'clock'>,
): Promise<ServerCertificate> {
  const key = await generateKey('ecdsa-p256')
  const [chain = []] = await issuer.issue(
    { publicKey: key, identifiers, ...validityAt(clock.now(), lifetimeMs) },
    { signal },
  )
  return {
    certificatePem: chain.map(der => encodePem('CERTIFICATE', der)).join(''),
    keyPem: privateKeyPem(key),
  }
}
