/** Certificates for tests that speak TLS. */
import type { KeyObject } from 'node:crypto'
import type { Identifier } from '../acme/identifier.ts'
import { dayMs, type Instant, plusMs } from '../base/instant.ts'
import { type Certificate, parseCertificate } from '../x509/certificate.ts'
import { generateKey, privateKeyPem } from '../x509/key.ts'
import type { KeyType } from '../x509/key-types.ts'
import { encodePem } from '../x509/pem.ts'
import { signCertificate } from '../x509/signed-certificate.ts'

/** What a TLS server is given, in PEM, and the DER of its leaf. */
export type TestServerCertificate = {
  readonly key: string
  /** The leaf and the intermediate. */
  readonly cert: string
  readonly leafDer: Uint8Array
  readonly intermediateDer: Uint8Array
}

/** A root and an intermediate that sign whatever a test wants. */
export type TestAuthority = {
  readonly rootPem: string
  readonly rootDer: Uint8Array
  /** By default valid from a day before `now` for two days. */
  issue(
    identifiers: readonly Identifier[],
    options?: { readonly notBefore?: Instant; readonly notAfter?: Instant; readonly keyType?: KeyType },
  ): Promise<TestServerCertificate>
}

/** Makes a root and an intermediate that are valid around `now`. */
export async function testAuthority(now: Instant, name = 'Test'): Promise<TestAuthority> {
  const valid = { notBefore: plusMs(now, -dayMs), notAfter: plusMs(now, dayMs) }
  let lastSerial = 0
  const serial = (): Uint8Array => {
    lastSerial += 1
    return Uint8Array.of(1, lastSerial >> 16, (lastSerial >> 8) & 0xff, lastSerial & 0xff)
  }
  const sign = (
    publicKey: KeyObject,
    issuer: { readonly certificate: Certificate | { readonly commonName: string }; readonly key: KeyObject },
    what: object,
  ): Uint8Array =>
    signCertificate(
      { serialNumber: serial(), issuer: issuer.certificate, publicKey, ...valid, ...what },
      issuer.key,
    )

  const rootKey = await generateKey('ecdsa-p256')
  const rootName = { commonName: `${name} Root` }
  const rootDer = sign(
    rootKey,
    { certificate: rootName, key: rootKey },
    { subjectCommonName: rootName.commonName, ca: {} },
  )
  const root = { certificate: parseCertificate(rootDer), key: rootKey }
  const intermediateKey = await generateKey('ecdsa-p256')
  const intermediateDer = sign(intermediateKey, root, { subjectCommonName: `${name} Intermediate`, ca: {} })
  const intermediate = { certificate: parseCertificate(intermediateDer), key: intermediateKey }

  return {
    rootPem: encodePem('CERTIFICATE', rootDer),
    rootDer,
    issue: async (identifiers, { keyType = 'ecdsa-p256', ...validity } = {}) => {
      const key = await generateKey(keyType)
      const leafDer = sign(key, intermediate, { identifiers, ...validity })
      return {
        key: privateKeyPem(key),
        cert: encodePem('CERTIFICATE', leafDer) + encodePem('CERTIFICATE', intermediateDer),
        leafDer,
        intermediateDer,
      }
    },
  }
}
