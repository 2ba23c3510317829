/** Extensions of certificates and requests (RFC 5280 §4.2): the list of them, and the ones we understand. */
import {
  contextTag,
  type DerValue,
  malformed,
  membersOf,
  parseDer,
  readBitString,
  readBoolean,
  readOctets,
  readOid,
  readSmallInteger,
  tag,
} from './der.ts'
import { derTrue, octetString, oid, sequence } from './der-writer.ts'

/** One extension; `value` is what its OCTET STRING holds. */
export type Extension = { readonly oid: string; readonly critical: boolean; readonly value: Uint8Array }

/**
 * Reads Extensions. No extension may stand in it twice.
 * @throws AppError ERR_FORMAT
 */
export function readExtensions(value: DerValue): ReadonlyMap<string, Extension> {
  const extensions = new Map<string, Extension>()
  for (const member of membersOf(value, 'extensions').rest()) {
    const members = membersOf(member, 'extension')
    const dotted = readOid(members.take())
    const flag = members.takeIf(tag.boolean)
    const critical = flag !== undefined && readBoolean(flag)
    const content = readOctets(members.take())
    members.end()
    if (extensions.has(dotted)) throw malformed(`extension ${dotted} is there twice`)
    extensions.set(dotted, { oid: dotted, critical, value: content })
  }
  return extensions
}

/** DER of one Extension. */
export function encodeExtension(
  dotted: string,
  value: Uint8Array,
  { critical = false }: { readonly critical?: boolean } = {},
): Uint8Array {
  return sequence(oid(dotted), ...(critical ? [derTrue] : []), octetString(value))
}

/** Reads BasicConstraints (§4.2.1.9). */
export function readBasicConstraints(value: Uint8Array): {
  readonly isCa: boolean
  readonly pathLength: number | undefined
} {
  const members = membersOf(parseDer(value), 'basic constraints')
  const flag = members.takeIf(tag.boolean)
  const limit = members.takeIf(tag.integer)
  members.end()
  const isCa = flag !== undefined && readBoolean(flag)
  if (limit !== undefined && !isCa) throw malformed('basic constraints limit the path of what is no CA')
  return { isCa, pathLength: limit === undefined ? undefined : readSmallInteger(limit) }
}

/** What a key may be used for, in the order of the bits (§4.2.1.3). */
export const keyUsages = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
] as const
export type KeyUsage = (typeof keyUsages)[number]

/** Reads KeyUsage. */
export function readKeyUsage(value: Uint8Array): readonly KeyUsage[] {
  const { octets } = readBitString(parseDer(value))
  return keyUsages.filter((_, bit) => ((octets[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0)
}

/** Reads ExtKeyUsageSyntax (§4.2.1.12) as dotted object identifiers. */
export function readExtendedKeyUsages(value: Uint8Array): readonly string[] {
  const purposes = membersOf(parseDer(value), 'extended key usage').rest().map(readOid)
  if (purposes.length === 0) throw malformed('extended key usage is empty')
  return purposes
}

/** The keyIdentifier of an AuthorityKeyIdentifier (§4.2.1.1). */
export function readAuthorityKeyIdentifier(value: Uint8Array): Uint8Array | undefined {
  return membersOf(parseDer(value), 'authority key identifier').takeIf(contextTag(0, 'primitive'))?.content
}
