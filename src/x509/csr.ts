/** Certificate signing requests (RFC 2986) as RFC 8555 §7.4 wants them. */
import type { KeyObject } from 'node:crypto'
import { type Identifier, identifierKey, parseIdentifier } from '../acme/identifier.ts'
import {
  contextTag,
  type DerValue,
  malformed,
  membersOf,
  parseDer,
  readOid,
  readSmallInteger,
  tag,
} from './der.ts'
import { explicit, oid, sequence, setOfOne, smallInteger } from './der-writer.ts'
import { encodeExtension, readExtensions } from './extension.ts'
import { encodeAlternativeNames, readAlternativeNames } from './general-name.ts'
import { publicKeyDer, publicKeyFromDer } from './key.ts'
import { encodeName, readName } from './name.ts'
import { oids } from './oids.ts'
import { readSigned, signDer, verifySigned } from './signature.ts'

const csrVersion = 0 // RFC 2986 §4.1

/** The TLS extension `status_request`, by which a server sends an OCSP answer (RFC 6066 §8). */
const statusRequest = 5

/**
 * A request with an empty subject and all identifiers in the subject alternative name.
 * @param key - the certificate's private key
 * @param options.mustStaple - asks for a certificate that is refused without an OCSP answer beside it (RFC 7633)
 * @returns DER
 */
export function createCsr(
  identifiers: readonly Identifier[],
  key: KeyObject,
  { mustStaple = false }: { readonly mustStaple?: boolean } = {},
): Uint8Array {
  const extensions = [
    encodeExtension(oids.subjectAltName, encodeAlternativeNames(identifiers)),
    ...(mustStaple ? [encodeExtension(oids.tlsFeature, sequence(smallInteger(statusRequest)))] : []),
  ]
  const attribute = sequence(oid(oids.extensionRequest), setOfOne(sequence(...extensions)))
  const body = sequence(
    smallInteger(csrVersion),
    encodeName(undefined),
    publicKeyDer(key),
    explicit(0, attribute),
  )
  return signDer(key, () => body)
}

/** What a request asks for. Nothing else in it is looked at. */
export type Csr = { readonly publicKey: KeyObject; readonly identifiers: readonly Identifier[] }

/**
 * Reads a request and verifies that it is signed by its own key. The identifiers are those of the common name and of
 * the subject alternative name, each once (RFC 8555 §7.4).
 * @throws AppError ERR_FORMAT, also for names that are no identifiers
 */
export function parseCsr(der: Uint8Array): Csr {
  const { body, signed } = readSigned(parseDer(der), 'CSR')
  const members = membersOf(body, 'CSR')
  if (readSmallInteger(members.take()) !== csrVersion) throw malformed('CSR has an unknown version')
  const { commonName } = readName(members.take())
  const publicKey = publicKeyFromDer(members.take(tag.sequence).bytes)
  const attributes = members.takeIf(contextTag(0))
  members.end()
  if (!verifySigned(signed, publicKey)) throw malformed('CSR is not signed by its own key')

  const named = attributes === undefined ? [] : requestedIdentifiers(attributes)
  const all = [...(commonName === undefined ? [] : [strictIdentifier(commonName)]), ...named]
  const identifiers = [...new Map(all.map(each => [identifierKey(each), each])).values()]
  if (identifiers.length === 0) throw malformed('CSR names no identifier')
  return { publicKey, identifiers }
}

function requestedIdentifiers(attributes: DerValue): readonly Identifier[] {
  const requests = membersOf(attributes, 'CSR attributes', contextTag(0))
    .rest()
    .map(attribute => {
      const members = membersOf(attribute, 'CSR attribute')
      const type = readOid(members.take())
      const values = members.take(tag.set)
      members.end()
      return { type, values }
    })
    .filter(({ type }) => type === oids.extensionRequest)
  if (requests.length > 1) throw malformed('CSR asks for extensions twice')
  const [request] = requests
  if (request === undefined) return []
  const values = membersOf(request.values, 'CSR extensions', tag.set)
  const extensions = readExtensions(values.take())
  values.end()
  const names = extensions.get(oids.subjectAltName)
  if (names === undefined) return []
  const { identifiers, others } = readAlternativeNames(parseDer(names.value))
  if (others > 0) throw malformed('CSR names something that is neither a DNS name nor an IP address')
  return identifiers.map(({ type, value }) => (type === 'ip' ? { type, value } : strictIdentifier(value)))
}

/** A DNS name (or, in a common name, an address) that already has the form of an identifier, but for its case. */
function strictIdentifier(text: string): Identifier {
  const identifier = attemptIdentifier(text)
  if (identifier.value !== text.toLowerCase()) throw malformed('CSR has a name that is not in its plain form')
  return identifier
}

function attemptIdentifier(text: string): Identifier {
  try {
    return parseIdentifier(text)
  } catch (cause) {
    throw malformed('CSR has a name that no certificate can have', cause)
  }
}
