/** Subject alternative names (RFC 5280 §4.2.1.6) of the two kinds that ACME knows. */
import { type Identifier, ipAddressBytes, ipAddressText } from '../acme/identifier.ts'
import { contextTag, type DerValue, malformed, membersOf } from './der.ts'
import { implicit, sequence } from './der-writer.ts'

const dnsNameNumber = 2
const ipAddressNumber = 7
/** Tags of the two kinds of GeneralName that are read. */
export const dnsNameTag = contextTag(dnsNameNumber, 'primitive')
export const ipAddressTag = contextTag(ipAddressNumber, 'primitive')

const visibleAscii = /^[\u0021-\u007e]+$/

/** DER of GeneralNames. */
export function encodeAlternativeNames(identifiers: readonly Identifier[]): Uint8Array {
  return sequence(
    ...identifiers.map(({ type, value }) =>
      type === 'dns'
        ? implicit(dnsNameNumber, Buffer.from(value, 'latin1'))
        : implicit(ipAddressNumber, ipAddressBytes(value)),
    ),
  )
}

/**
 * Reads GeneralNames: names in lower case, addresses in canonical text, and how many of other kinds there were.
 * @throws AppError ERR_FORMAT
 */
export function readAlternativeNames(value: DerValue): {
  readonly identifiers: readonly Identifier[]
  readonly others: number
} {
  const names = membersOf(value, 'subject alternative name').rest()
  if (names.length === 0) throw malformed('subject alternative name is empty')
  const identifiers = names.flatMap(name => readIdentifier(name) ?? [])
  return { identifiers, others: names.length - identifiers.length }
}

function readIdentifier({ tag: given, content }: DerValue): Identifier | undefined {
  if (given === dnsNameTag) {
    const name = Buffer.from(content).toString('latin1')
    if (!visibleAscii.test(name)) throw malformed('subject alternative name has a DNS name that is none')
    return { type: 'dns', value: name.toLowerCase() }
  }
  if (given === ipAddressTag) {
    const address = ipAddressText(content)
    if (address === undefined) throw malformed('subject alternative name has an IP address that is none')
    return { type: 'ip', value: address }
  }
  return undefined
}
