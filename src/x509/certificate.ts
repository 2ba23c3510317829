/** Reading certificates (RFC 5280 §4.1). */
import { createHash, type KeyObject } from 'node:crypto'
import type { Identifier } from '../acme/identifier.ts'
import type { Instant } from '../base/instant.ts'
import {
  contextTag,
  type DerValue,
  malformed,
  membersOf,
  parseDer,
  readInteger,
  readOctets,
  readSmallInteger,
  readTime,
  tag,
} from './der.ts'
import {
  type Extension,
  type KeyUsage,
  readAuthorityKeyIdentifier,
  readBasicConstraints,
  readExtendedKeyUsages,
  readExtensions,
  readKeyUsage,
} from './extension.ts'
import { readAlternativeNames } from './general-name.ts'
import { publicKeyFromDer } from './key.ts'
import { readName } from './name.ts'
import { constrainsOtherNames, type NameConstraints, readNameConstraints } from './name-constraints.ts'
import { oids } from './oids.ts'
import { readSigned, type Signed } from './signature.ts'

/** A certificate that was read. That it was signed by anyone is not known yet: see `checkChain`. */
export type Certificate = {
  readonly der: Uint8Array
  /** SHA-256 of `der`, lower-case hex. */
  readonly fingerprint: string
  /** The content octets as they stand in the certificate, with a leading 00 where DER has one. */
  readonly serialNumber: Uint8Array
  /** RFC 4514 text, safe to show; empty for an empty name. */
  readonly subject: string
  readonly issuer: string
  readonly subjectDer: Uint8Array
  readonly issuerDer: Uint8Array
  /** The subject's common name, safe to show. */
  readonly commonName?: string
  /** The issuer's common name, safe to show. */
  readonly issuerCommonName?: string
  readonly notBefore: Instant
  readonly notAfter: Instant
  /** DNS names (lower case) and addresses of the subject alternative name. */
  readonly identifiers: readonly Identifier[]
  readonly publicKey: KeyObject
  readonly isCa: boolean
  /** How many CA certificates may stand between this one and the leaf. */
  readonly pathLength?: number
  readonly keyUsage?: readonly KeyUsage[]
  /** Object identifiers. */
  readonly extendedKeyUsages?: readonly string[]
  readonly authorityKeyIdentifier?: Uint8Array
  readonly subjectKeyIdentifier?: Uint8Array
  readonly nameConstraints?: NameConstraints
  /** Object identifiers of critical extensions that we do not understand: the certificate must not be relied on. */
  readonly unknownCriticalExtensions: readonly string[]
  /** What `checkChain` verifies. */
  readonly signed: Signed
}

/** Extensions that are applied, name constraints apart; policies mean nothing as long as none is asked for. */
const understoodExtensions: ReadonlySet<string> = new Set([
  oids.subjectKeyIdentifier,
  oids.keyUsage,
  oids.subjectAltName,
  oids.basicConstraints,
  oids.certificatePolicies,
  oids.authorityKeyIdentifier,
  oids.extendedKeyUsage,
])

/**
 * Reads one certificate, all of it: what we use is well-formed in the result.
 * @throws AppError ERR_FORMAT
 */
export function parseCertificate(der: Uint8Array): Certificate {
  const outer = parseDer(der)
  const { body, signed } = readSigned(outer, 'certificate')
  const members = membersOf(body, 'certificate')
  const version = readVersion(members.takeIf(contextTag(0)))
  const serialNumber = readInteger(members.take())
  const algorithm = members.take(tag.sequence)
  if (Buffer.compare(algorithm.bytes, signed.algorithmDer) !== 0) {
    throw malformed('certificate names two different signature algorithms')
  }
  const issuer = readName(members.take())
  const validity = membersOf(members.take(), 'certificate validity')
  const notBefore = readTime(validity.take())
  const notAfter = readTime(validity.take())
  validity.end()
  const subject = readName(members.take())
  const publicKey = publicKeyFromDer(members.take(tag.sequence).bytes)
  members.takeIf(contextTag(1, 'primitive')) // issuerUniqueID and subjectUniqueID, which nobody uses
  members.takeIf(contextTag(2, 'primitive'))
  const wrapped = members.takeIf(contextTag(3))
  members.end()
  if (wrapped !== undefined && version !== 3)
    throw malformed('certificate has extensions but is not version 3')
  return {
    der: outer.bytes,
    fingerprint: createHash('sha256').update(outer.bytes).digest('hex'),
    serialNumber,
    subject: subject.text,
    issuer: issuer.text,
    subjectDer: subject.der,
    issuerDer: issuer.der,
    ...(subject.commonName === undefined ? {} : { commonName: subject.commonName }),
    ...(issuer.commonName === undefined ? {} : { issuerCommonName: issuer.commonName }),
    notBefore,
    notAfter,
    publicKey,
    ...describeExtensions(wrapped === undefined ? new Map() : readWrappedExtensions(wrapped)),
    signed,
  }
}

function readVersion(value: DerValue | undefined): number {
  if (value === undefined) return 1
  const members = membersOf(value, 'certificate version', contextTag(0))
  const version = readSmallInteger(members.take()) + 1
  members.end()
  if (version < 2 || version > 3) throw malformed('certificate has an unknown version')
  return version
}

function readWrappedExtensions(value: DerValue): ReadonlyMap<string, Extension> {
  const members = membersOf(value, 'certificate', contextTag(3))
  const extensions = readExtensions(members.take())
  members.end()
  return extensions
}

function isUnderstood(dotted: string, nameConstraints: NameConstraints | undefined): boolean {
  if (dotted !== oids.nameConstraints) return understoodExtensions.has(dotted)
  return nameConstraints !== undefined && !constrainsOtherNames(nameConstraints)
}

function describeExtensions(extensions: ReadonlyMap<string, Extension>) {
  function read<T>(dotted: string, reader: (value: Uint8Array) => T): T | undefined {
    const extension = extensions.get(dotted)
    return extension === undefined ? undefined : reader(extension.value)
  }
  const { isCa = false, pathLength } = read(oids.basicConstraints, readBasicConstraints) ?? {}
  const names = read(oids.subjectAltName, value => readAlternativeNames(parseDer(value)))
  const keyUsage = read(oids.keyUsage, readKeyUsage)
  const extendedKeyUsages = read(oids.extendedKeyUsage, readExtendedKeyUsages)
  const authorityKeyIdentifier = read(oids.authorityKeyIdentifier, readAuthorityKeyIdentifier)
  const nameConstraints = read(oids.nameConstraints, readNameConstraints)
  const subjectKeyIdentifier = read(oids.subjectKeyIdentifier, value => readOctets(parseDer(value)))
  return {
    identifiers: names?.identifiers ?? [],
    isCa,
    ...(pathLength === undefined ? {} : { pathLength }),
    ...(keyUsage === undefined ? {} : { keyUsage }),
    ...(extendedKeyUsages === undefined ? {} : { extendedKeyUsages }),
    ...(authorityKeyIdentifier === undefined ? {} : { authorityKeyIdentifier }),
    ...(subjectKeyIdentifier === undefined ? {} : { subjectKeyIdentifier }),
    ...(nameConstraints === undefined ? {} : { nameConstraints }),
    unknownCriticalExtensions: [...extensions.values()]
      .filter(({ oid, critical }) => critical && !isUnderstood(oid, nameConstraints))
      .map(({ oid }) => oid),
  }
}
