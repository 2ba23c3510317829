/** Name constraints (RFC 5280 §4.2.1.10) on the two kinds of names that ACME knows. */
import { type Identifier, ipAddressBytes } from '../acme/identifier.ts'
import { contextTag, type DerValue, malformed, membersOf, parseDer } from './der.ts'
import { dnsNameTag, ipAddressTag } from './general-name.ts'

type Subtree =
  | { readonly type: 'dns'; readonly base: string }
  | { readonly type: 'ip'; readonly address: Uint8Array; readonly mask: Uint8Array }
  | { readonly type: 'other' }

/** Which names a CA may put into certificates; no word about a kind of name allows all of that kind. */
export type NameConstraints = {
  readonly permitted: readonly Subtree[]
  readonly excluded: readonly Subtree[]
}

/**
 * Reads NameConstraints.
 * @throws AppError ERR_FORMAT
 */
export function readNameConstraints(value: Uint8Array): NameConstraints {
  const members = membersOf(parseDer(value), 'name constraints')
  const permitted = readSubtrees(members.takeIf(contextTag(0)), contextTag(0))
  const excluded = readSubtrees(members.takeIf(contextTag(1)), contextTag(1))
  members.end()
  return { permitted, excluded }
}

function readSubtrees(value: DerValue | undefined, expectedTag: number): readonly Subtree[] {
  if (value === undefined) return []
  return membersOf(value, 'name constraints', expectedTag)
    .rest()
    .map(subtree => {
      const members = membersOf(subtree, 'name constraint')
      const base = members.take()
      members.end() // minimum and maximum are not used
      return readBase(base)
    })
}

function readBase({ tag, content }: DerValue): Subtree {
  if (tag === dnsNameTag) {
    return { type: 'dns', base: Buffer.from(content).toString('latin1').toLowerCase() }
  }
  if (tag !== ipAddressTag) return { type: 'other' }
  if (content.length !== 8 && content.length !== 32)
    throw malformed('name constraint has an address that is none')
  const width = content.length / 2
  return { type: 'ip', address: content.subarray(0, width), mask: content.subarray(width) }
}

/** Whether there are constraints on names of kinds that we do not compare. */
export function constrainsOtherNames({ permitted, excluded }: NameConstraints): boolean {
  return [...permitted, ...excluded].some(({ type }) => type === 'other')
}

/** Whether a certificate below the CA may have this name. */
export function allowsName({ permitted, excluded }: NameConstraints, identifier: Identifier): boolean {
  const sameKind = permitted.filter(({ type }) => type === identifier.type)
  if (excluded.some(subtree => contains(subtree, identifier))) return false
  return sameKind.length === 0 || sameKind.some(subtree => contains(subtree, identifier))
}

function contains(subtree: Subtree, { type, value }: Identifier): boolean {
  if (subtree.type === 'dns' && type === 'dns') {
    const { base } = subtree
    // A leading dot, which RFC 5280 does not have for DNS names, is widely read as "below, but not itself".
    if (base === '' || base.startsWith('.')) return value.endsWith(base)
    return value === base || value.endsWith(`.${base}`)
  }
  if (subtree.type === 'ip' && type === 'ip') {
    const { address, mask } = subtree
    const octets = ipAddressBytes(value)
    return (
      octets.length === address.length &&
      octets.every((octet, i) => masked(octet, mask[i]) === masked(address[i], mask[i]))
    )
  }
  return false
}

function masked(octet = 0, mask = 0): number {
  return octet & mask
}
