/** Signatures inside certificates and requests: algorithm identifiers (RFC 5758, 8017, 8410), signing, verifying. */
import { type KeyObject, sign, verify } from 'node:crypto'
import { type DerValue, malformed, membersOf, readOctetBits, tag } from './der.ts'
import { bitString, derNull, oid, sequence } from './der-writer.ts'
import { keyTypeOf } from './key.ts'

type Algorithm = {
  readonly oid: string
  readonly hash: string | null
  readonly keyType: 'ec' | 'rsa' | 'ed25519'
}

// SHA-1 and MD5 are left out on purpose. RSASSA-PSS is used by no public CA.
const algorithms: readonly Algorithm[] = [
  { oid: '1.2.840.10045.4.3.2', hash: 'sha256', keyType: 'ec' },
  { oid: '1.2.840.10045.4.3.3', hash: 'sha384', keyType: 'ec' },
  { oid: '1.2.840.10045.4.3.4', hash: 'sha512', keyType: 'ec' },
  { oid: '1.2.840.113549.1.1.11', hash: 'sha256', keyType: 'rsa' },
  { oid: '1.2.840.113549.1.1.12', hash: 'sha384', keyType: 'rsa' },
  { oid: '1.2.840.113549.1.1.13', hash: 'sha512', keyType: 'rsa' },
  { oid: '1.3.101.112', hash: null, keyType: 'ed25519' },
]

/** What was signed, by which algorithm (its AlgorithmIdentifier in DER), and the signature. */
export type Signed = {
  readonly content: Uint8Array
  readonly algorithmDer: Uint8Array
  readonly signature: Uint8Array
}

/** Takes apart the outer SEQUENCE of a certificate or request. */
export function readSigned(
  value: DerValue,
  what: string,
): { readonly body: DerValue; readonly signed: Signed } {
  const members = membersOf(value, what)
  const body = members.take(tag.sequence)
  const algorithm = members.take(tag.sequence)
  const signature = readOctetBits(members.take())
  members.end()
  return { body, signed: { content: body.bytes, algorithmDer: algorithm.bytes, signature } }
}

/** Whether the signature is by this key. An algorithm that is not known, or is of another kind of key, is a "no". */
export function verifySigned({ content, algorithmDer, signature }: Signed, publicKey: KeyObject): boolean {
  const algorithm = algorithms.find(known => Buffer.compare(algorithmIdentifier(known), algorithmDer) === 0)
  if (algorithm === undefined || algorithm.keyType !== publicKey.asymmetricKeyType) return false
  try {
    return verify(algorithm.hash, content, publicKey, signature)
  } catch {
    return false // node:crypto throws on some signatures that cannot even be decoded
  }
}

/** Signs `content` and wraps it with algorithm and signature. */
export function signDer(key: KeyObject, content: (algorithmDer: Uint8Array) => Uint8Array): Uint8Array {
  const hash =
    keyTypeOf(key) === 'ecdsa-p384' ? 'sha384' : key.asymmetricKeyType === 'ed25519' ? null : 'sha256'
  const algorithm = algorithms.find(known => known.hash === hash && known.keyType === key.asymmetricKeyType)
  if (algorithm === undefined) throw malformed('a key of this kind cannot sign certificates')
  const algorithmDer = algorithmIdentifier(algorithm)
  const body = content(algorithmDer)
  return sequence(body, algorithmDer, bitString(sign(hash, body, key)))
}

/** RSA has a NULL as parameters, the others have none (RFC 5758 §3.2, RFC 8017 A.2.4, RFC 8410 §3). */
function algorithmIdentifier({ oid: dotted, keyType }: Algorithm): Uint8Array {
  return keyType === 'rsa' ? sequence(oid(dotted), derNull) : sequence(oid(dotted))
}
