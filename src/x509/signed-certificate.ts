/** Making certificates, for the embedded CA (RFC 5280 §4). */
import { createHash, type KeyObject } from 'node:crypto'
import type { Identifier } from '../acme/identifier.ts'
import type { Instant } from '../base/instant.ts'
import type { Certificate } from './certificate.ts'
import { contextTag, membersOf, parseDer, readOctetBits } from './der.ts'
import {
  derTrue,
  encodeDer,
  explicit,
  implicit,
  namedBits,
  octetString,
  oid,
  sequence,
  smallInteger,
  time,
  unsignedInteger,
} from './der-writer.ts'
import { encodeExtension, type KeyUsage, keyUsages } from './extension.ts'
import { encodeAlternativeNames } from './general-name.ts'
import { publicKeyDer, samePublicKey } from './key.ts'
import { encodeName } from './name.ts'
import { oids } from './oids.ts'
import { signDer } from './signature.ts'

/** What goes into a certificate. */
export type CertificateTemplate = {
  /** Big-endian, 1 to 20 octets, not zero (RFC 5280 §4.1.2.2). */
  readonly serialNumber: Uint8Array
  /** Without it the subject is empty and the subject alternative name critical. */
  readonly subjectCommonName?: string | undefined
  /** The CA's certificate; or its name alone, for a certificate that signs itself. */
  readonly issuer: Certificate | { readonly commonName: string }
  readonly notBefore: Instant
  readonly notAfter: Instant
  /** The subject's key; may be private. */
  readonly publicKey: KeyObject
  readonly identifiers?: readonly Identifier[] | undefined
  /** Makes it a CA certificate, with at most `pathLength` CA certificates below it. Otherwise it is for a server. */
  readonly ca?: { readonly pathLength?: number | undefined } | undefined
  /** Where the issuer publishes its revocation lists. */
  readonly crlUrls?: readonly string[] | undefined
}

/** Octets of the longest serial number, the sign octet included (RFC 5280 §4.1.2.2). */
const maxSerialBytes = 20
const version3 = 2

/**
 * Signs a certificate: a CA's when `ca` is given, otherwise a server's.
 * @param issuerKey - private key of the issuer
 * @returns DER
 */
export function signCertificate(template: CertificateTemplate, issuerKey: KeyObject): Uint8Array {
  const { issuer } = template
  if ('publicKey' in issuer && !samePublicKey(issuer.publicKey, issuerKey)) {
    throw new TypeError('the issuer key is not the key of the issuer certificate')
  }
  const serialNumber = unsignedInteger(template.serialNumber)
  const serialBytes = serialNumber.length - 2 // tag and length
  if (serialBytes > maxSerialBytes || template.serialNumber.every(octet => octet === 0)) {
    throw new TypeError(`a serial number has 1 to ${maxSerialBytes} octets and is not zero`)
  }
  const issuerName = 'subjectDer' in issuer ? issuer.subjectDer : encodeName(issuer.commonName)
  return signDer(issuerKey, algorithm =>
    sequence(
      explicit(0, smallInteger(version3)),
      serialNumber,
      algorithm,
      issuerName,
      sequence(time(template.notBefore), time(template.notAfter)),
      encodeName(template.subjectCommonName),
      publicKeyDer(template.publicKey),
      explicit(3, sequence(...extensionsOf(template, issuerKey))),
    ),
  )
}

function extensionsOf(template: CertificateTemplate, issuerKey: KeyObject): readonly Uint8Array[] {
  const { issuer, identifiers = [], ca, crlUrls = [] } = template
  const issuerKeyIdentifier =
    ('publicKey' in issuer ? issuer.subjectKeyIdentifier : undefined) ?? keyIdentifier(issuerKey)
  return [
    ...(ca === undefined ? serverExtensions : caExtensions(ca)),
    ...(identifiers.length === 0
      ? []
      : [
          encodeExtension(oids.subjectAltName, encodeAlternativeNames(identifiers), {
            critical: template.subjectCommonName === undefined, // RFC 5280 §4.2.1.6
          }),
        ]),
    encodeExtension(oids.subjectKeyIdentifier, octetString(keyIdentifier(template.publicKey))),
    encodeExtension(oids.authorityKeyIdentifier, sequence(implicit(0, issuerKeyIdentifier))),
    ...(crlUrls.length === 0
      ? []
      : [encodeExtension(oids.crlDistributionPoints, distributionPoints(crlUrls))]),
  ]
}

const serverExtensions = [
  encodeExtension(oids.basicConstraints, sequence(), { critical: true }),
  encodeExtension(oids.keyUsage, usageBits('digitalSignature'), { critical: true }),
  encodeExtension(oids.extendedKeyUsage, sequence(oid(oids.serverAuth))),
]

function caExtensions({ pathLength }: { readonly pathLength?: number | undefined }): readonly Uint8Array[] {
  const limit = pathLength === undefined ? [] : [smallInteger(pathLength)]
  return [
    encodeExtension(oids.basicConstraints, sequence(derTrue, ...limit), { critical: true }),
    encodeExtension(oids.keyUsage, usageBits('keyCertSign', 'cRLSign'), { critical: true }),
  ]
}

function usageBits(...usages: readonly KeyUsage[]): Uint8Array {
  return namedBits(usages.map(usage => keyUsages.indexOf(usage)))
}

/** CRLDistributionPoints (§4.2.1.13): one point with all URLs as its full name. */
function distributionPoints(urls: readonly string[]): Uint8Array {
  const uriNumber = 6
  const names = urls.map(url => implicit(uriNumber, Buffer.from(url, 'latin1')))
  return sequence(sequence(explicit(0, encodeDer(contextTag(0), ...names))))
}

/** The first 160 bits of the SHA-256 of the public key's bits (RFC 7093 §2, method 1). */
function keyIdentifier(key: KeyObject): Uint8Array {
  const members = membersOf(parseDer(publicKeyDer(key)), 'public key')
  members.take() // algorithm
  const bits = readOctetBits(members.take())
  return new Uint8Array(createHash('sha256').update(bits).digest().subarray(0, 20))
}
