/** What is written beside a stored certificate, in `meta.json`. */
import { type Identifier, identifierSchema } from '../../acme/identifier.ts'
import { instantSchema } from '../../acme/wire.ts'
import { formatInstant, type Instant } from '../../base/instant.ts'
import { v } from '../../base/schema.ts'
import { type KeyType, keyTypes } from '../../x509/key-types.ts'
import { type CertificateFile, certificateFiles } from './paths.ts'

/** One generation of a certificate. */
export type StoredCertificate = {
  /** Sorts by age. */
  readonly generation: string
  readonly identifiers: readonly Identifier[]
  readonly keyType: KeyType
  /** SHA-256 of the SubjectPublicKeyInfo, lower-case hex; absent where an early version stored it. */
  readonly publicKeyHash?: string
  readonly authority: { readonly id: string; readonly directory: string }
  readonly profile?: string
  readonly orderUrl: string
  readonly issuer: string
  /** Lower-case hex. */
  readonly serialNumber: string
  /** SHA-256 of the leaf's DER, lower-case hex. */
  readonly fingerprint: string
  /** RFC 9773 certificate identifier; absent where the certificate has no authority key identifier. */
  readonly certificateId?: string
  readonly notBefore: Instant
  readonly notAfter: Instant
  readonly storedAt: Instant
  readonly revokedAt?: Instant
  /** SHA-256 of each file, lower-case hex. There is none with a private key where that was made elsewhere. */
  readonly files: Readonly<Partial<Record<CertificateFile, string>>>
}

/** Whether the private key is stored beside the certificate. */
export function hasPrivateKey({ files }: Pick<StoredCertificate, 'files'>): boolean {
  return files['privkey.pem'] !== undefined
}

/** Schema of `meta.json`. @internal */
export const storedCertificateSchema = v.object({
  generation: v.string(),
  identifiers: v.array(identifierSchema),
  keyType: v.picklist(keyTypes),
  publicKeyHash: v.optional(v.string()),
  authority: v.object({ id: v.string(), directory: v.string() }),
  profile: v.optional(v.string()),
  orderUrl: v.string(),
  issuer: v.string(),
  serialNumber: v.string(),
  fingerprint: v.string(),
  certificateId: v.optional(v.string()),
  notBefore: instantSchema,
  notAfter: instantSchema,
  storedAt: instantSchema,
  revokedAt: v.optional(instantSchema),
  files: v.record(v.picklist(certificateFiles), v.string()),
}) as v.GenericSchema<unknown, StoredCertificate> // absent members stay absent

/** The JSON form: times as RFC 3339 text. */
export function storedCertificateJson(certificate: StoredCertificate): Record<string, unknown> {
  const { notBefore, notAfter, storedAt, revokedAt, ...rest } = certificate
  return {
    ...rest,
    notBefore: formatInstant(notBefore),
    notAfter: formatInstant(notAfter),
    storedAt: formatInstant(storedAt),
    ...(revokedAt !== undefined && { revokedAt: formatInstant(revokedAt) }),
  }
}
