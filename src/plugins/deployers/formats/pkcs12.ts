/**
 * PKCS #12 (RFC 7292): a key and its certificates behind one password, as Java, Windows and many appliances read them.
 *
 * Encrypted with PBES2 and AES-256, and with a MAC over SHA-256: what OpenSSL 3 and Java since 8u301 write themselves.
 * What would be random elsewhere is derived from the private key, so that equal contents make equal files: a copy that
 * is up to date need not be written again. Nobody without the key can foretell it.
 */
import { createCipheriv, createHmac, hash, pbkdf2Sync } from 'node:crypto'
import { tag } from '../../../x509/der.ts'
import {
  derNull,
  encodeDer,
  explicit,
  implicit,
  joinBytes,
  octetString,
  oid,
  sequence,
  setOfOne,
  smallInteger,
} from '../../../x509/der-writer.ts'

export type Pkcs12Content = {
  /** PKCS #8. */
  readonly keyDer: Uint8Array
  /** Leaf first. */
  readonly chain: readonly Uint8Array[]
  /** The friendly name of key and leaf, which Java calls their alias. */
  readonly alias: string
  readonly password: string
}

/** What Java's own keystores have had since 8u301. */
const iterations = 10_000
const saltBytes = 20 // as Java writes, and more than the 8 that RFC 8018 §4.1 asks for
const ivBytes = 16
const aes256KeyBytes = 32

const oids = {
  data: '1.2.840.113549.1.7.1',
  encryptedData: '1.2.840.113549.1.7.6',
  shroudedKeyBag: '1.2.840.113549.1.12.10.1.2',
  certificateBag: '1.2.840.113549.1.12.10.1.3',
  x509Certificate: '1.2.840.113549.1.9.22.1',
  friendlyName: '1.2.840.113549.1.9.20',
  localKeyId: '1.2.840.113549.1.9.21',
  pbes2: '1.2.840.113549.1.5.13',
  pbkdf2: '1.2.840.113549.1.5.12',
  hmacWithSha256: '1.2.840.113549.2.9',
  sha256: '2.16.840.1.101.3.4.2.1',
  aes256Cbc: '2.16.840.1.101.3.4.1.42',
} as const

/** The DER of a PFX with the key and its certificates, both encrypted. Equal for equal content. */
export function encodePkcs12(content: Pkcs12Content): Uint8Array {
  const { keyDer, chain, alias, password } = content
  const derive = derivation(content)
  const [leaf = new Uint8Array(), ...issuers] = chain
  const own = attributes(alias, hash('sha1', leaf, 'buffer')) // only to tell which certificate goes with the key
  const certificates = sequence(
    safeBag(oids.certificateBag, certificateBag(leaf), own),
    ...issuers.map(issuer => safeBag(oids.certificateBag, certificateBag(issuer))),
  )
  const hidden = encrypt(certificates, password, derive, 'certificates')
  const hiddenKey = encrypt(keyDer, password, derive, 'key')
  const key = safeBag(
    oids.shroudedKeyBag,
    sequence(hiddenKey.algorithm, octetString(hiddenKey.ciphertext)),
    own,
  )
  const encryptedData = sequence(
    smallInteger(0),
    sequence(oid(oids.data), hidden.algorithm, implicit(0, hidden.ciphertext)),
  )
  const safe = sequence(contentInfo(oids.encryptedData, encryptedData), dataInfo(sequence(key)))
  const salt = derive('mac', saltBytes)
  const digest = createHmac('sha256', macKey(password, salt)).update(safe).digest()
  return sequence(
    smallInteger(3),
    dataInfo(safe),
    sequence(
      sequence(sequence(oid(oids.sha256), derNull), octetString(digest)),
      octetString(salt),
      smallInteger(iterations),
    ),
  )
}

type Derive = (purpose: string, length: number) => Uint8Array

/** Octets that look random to everybody without the key, and differ wherever anything of the content does. */
function derivation({ keyDer, chain, alias, password }: Pkcs12Content): Derive {
  const about = sequence(...[...chain, Buffer.from(alias), Buffer.from(password)].map(octetString))
  return (purpose, length) =>
    createHmac('sha256', keyDer)
      .update(`certwright pkcs12 ${purpose}\n`)
      .update(about)
      .digest()
      .subarray(0, length)
}

function encrypt(
  plaintext: Uint8Array,
  password: string,
  derive: Derive,
  what: string,
): { readonly algorithm: Uint8Array; readonly ciphertext: Uint8Array } {
  const salt = derive(`${what} salt`, saltBytes)
  const iv = derive(`${what} iv`, ivBytes)
  const key = pbkdf2Sync(password, salt, iterations, aes256KeyBytes, 'sha256')
  const cipher = createCipheriv('aes-256-cbc', key, iv)
  const derivedBy = sequence(
    oid(oids.pbkdf2),
    sequence(octetString(salt), smallInteger(iterations), sequence(oid(oids.hmacWithSha256), derNull)),
  )
  const encryptedBy = sequence(oid(oids.aes256Cbc), octetString(iv))
  return {
    algorithm: sequence(oid(oids.pbes2), sequence(derivedBy, encryptedBy)), // RFC 8018 §A.4
    ciphertext: joinBytes(cipher.update(plaintext), cipher.final()),
  }
}

/** RFC 7292 §B.2 for the MAC (its diversifier is 3): one block, because SHA-256 gives as many octets as are wanted. */
function macKey(password: string, salt: Uint8Array): Uint8Array {
  const blockBytes = 64
  const filled = (bytes: Uint8Array): Uint8Array =>
    new Uint8Array(Math.ceil(bytes.length / blockBytes) * blockBytes).map(
      (_, index) => bytes[index % bytes.length] ?? 0,
    )
  const start = joinBytes(
    new Uint8Array(blockBytes).fill(3),
    filled(salt),
    filled(joinBytes(bigEndian(password), Uint8Array.of(0, 0))),
  )
  let key = hash('sha256', start, 'buffer')
  for (let round = 1; round < iterations; round += 1) key = hash('sha256', key, 'buffer')
  return key
}

/** The UTF-16 of a BMPString. */
function bigEndian(text: string): Uint8Array {
  return Buffer.from(text, 'utf16le').swap16()
}

function contentInfo(type: string, content: Uint8Array): Uint8Array {
  return sequence(oid(type), explicit(0, content))
}

function dataInfo(content: Uint8Array): Uint8Array {
  return contentInfo(oids.data, octetString(content))
}

function safeBag(type: string, value: Uint8Array, more?: Uint8Array): Uint8Array {
  return sequence(oid(type), explicit(0, value), ...(more === undefined ? [] : [more]))
}

function certificateBag(certificate: Uint8Array): Uint8Array {
  return sequence(oid(oids.x509Certificate), explicit(0, octetString(certificate)))
}

const bmpStringTag = 0x1e

function attributes(alias: string, localKeyId: Uint8Array): Uint8Array {
  const members = [
    sequence(oid(oids.friendlyName), setOfOne(encodeDer(bmpStringTag, bigEndian(alias)))),
    sequence(oid(oids.localKeyId), setOfOne(octetString(localKeyId))),
  ]
  return encodeDer(tag.set, ...members.sort((one, other) => Buffer.compare(one, other))) // X.690 §11.6
}
