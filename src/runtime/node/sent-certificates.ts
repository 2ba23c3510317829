/**
 * The certificates of a handshake exactly as they were sent: Node shows them only as far as they link up, so that what is
 * out of order, sent twice or of no use cannot be told. Pure.
 */
import { createDecipheriv, createHmac } from 'node:crypto'

/** What is known of the keys of a handshake. */
export type HandshakeKeys = {
  /** OpenSSL's standard name of the suite: `TLS_AES_128_GCM_SHA256`. */
  readonly suite: string
  /** The secret that the server's part of a TLS 1.3 handshake is encrypted with; absent in earlier versions. */
  readonly serverSecret: Buffer | undefined
}

const contentTypes = { handshake: 22, applicationData: 23 }
const certificateMessage = 11
const headerLength = 5
const tagLength = 16

type Suite = {
  readonly cipher: 'aes-128-gcm' | 'aes-256-gcm' | 'chacha20-poly1305'
  readonly keyLength: number
  readonly hash: string
}

/** The suites of TLS 1.3 that Node offers: RFC 8446 appendix B.4. */
const suites = new Map<string, Suite>([
  ['TLS_AES_128_GCM_SHA256', { cipher: 'aes-128-gcm', keyLength: 16, hash: 'sha256' }],
  ['TLS_AES_256_GCM_SHA384', { cipher: 'aes-256-gcm', keyLength: 32, hash: 'sha384' }],
  ['TLS_CHACHA20_POLY1305_SHA256', { cipher: 'chacha20-poly1305', keyLength: 32, hash: 'sha256' }],
])

/**
 * The DER of the certificates, in the order in which the server sent them.
 * @param received - every byte of the server from the beginning of TLS to the end of the handshake, or further
 * @returns `undefined` where they cannot be made out, as when they were sent compressed (RFC 8879)
 */
export function sentCertificates(
  received: Buffer,
  { suite, serverSecret }: HandshakeKeys,
): readonly Uint8Array[] | undefined {
  const opener = serverSecret === undefined ? undefined : openRecords(serverSecret, suites.get(suite))
  let messages = Buffer.alloc(0)
  for (const record of recordsOf(received)) {
    if (record.type === contentTypes.handshake && opener === undefined) {
      messages = Buffer.concat([messages, record.body])
    } else if (record.type === contentTypes.applicationData) {
      const opened = opener?.(record)
      if (opened === undefined) return undefined
      messages = Buffer.concat([messages, opened])
    }
    const body = findMessage(messages, certificateMessage)
    if (body !== undefined) return readCertificates(body, { withContext: serverSecret !== undefined })
  }
  return undefined
}

type TlsRecord = { readonly type: number; readonly header: Buffer; readonly body: Buffer }

function* recordsOf(bytes: Buffer): Generator<TlsRecord> {
  for (let at = 0; at + headerLength <= bytes.length; ) {
    const header = bytes.subarray(at, at + headerLength)
    const end = at + headerLength + header.readUInt16BE(3)
    if (end > bytes.length) return
    yield { type: header[0] ?? 0, header, body: bytes.subarray(at + headerLength, end) }
    at = end
  }
}

/** Opens one encrypted record after the other; `undefined` where it is not encrypted with this secret (RFC 8446 §5.2). */
function openRecords(secret: Buffer, suite: Suite | undefined): (record: TlsRecord) => Buffer | undefined {
  if (suite === undefined) return () => undefined
  const { cipher, keyLength, hash } = suite
  const key = expandLabel(secret, 'key', { length: keyLength, hash })
  const iv = expandLabel(secret, 'iv', { length: 12, hash })
  let sequence = 0
  return ({ header, body }) => {
    if (body.length <= tagLength) return undefined
    const nonce = Buffer.from(iv)
    nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ sequence) >>> 0, 8)
    sequence += 1
    const options = { authTagLength: tagLength }
    const decipher =
      cipher === 'chacha20-poly1305'
        ? createDecipheriv(cipher, key, nonce, options)
        : createDecipheriv(cipher, key, nonce, options)
    const sealed = body.subarray(0, -tagLength)
    decipher.setAAD(header, { plaintextLength: sealed.length })
    decipher.setAuthTag(body.subarray(-tagLength))
    try {
      return innerHandshake(Buffer.concat([decipher.update(sealed), decipher.final()]))
    } catch {
      return undefined // it is encrypted with another key: the handshake is over
    }
  }
}

/** The content before its type and the zeros behind that; nothing where it is of another type (RFC 8446 §5.2). */
function innerHandshake(plain: Buffer): Buffer {
  const typeAt = plain.findLastIndex(byte => byte !== 0)
  return plain[typeAt] === contentTypes.handshake ? plain.subarray(0, typeAt) : Buffer.alloc(0)
}

/** HKDF-Expand-Label with an empty context; one block is always enough here (RFC 8446 §7.1). */
function expandLabel(
  secret: Buffer,
  label: string,
  { length, hash }: { readonly length: number; readonly hash: string },
): Buffer {
  const name = Buffer.from(`tls13 ${label}`)
  const info = Buffer.concat([Buffer.from([0, length, name.length]), name, Buffer.from([0, 1])])
  return createHmac(hash, secret).update(info).digest().subarray(0, length)
}

/** The body of the first whole message of a type. */
function findMessage(messages: Buffer, type: number): Buffer | undefined {
  for (let at = 0; at + 4 <= messages.length; ) {
    const end = at + 4 + messages.readUIntBE(at + 1, 3)
    if (end > messages.length) return undefined
    if (messages[at] === type) return messages.subarray(at + 4, end)
    at = end
  }
  return undefined
}

/** RFC 8446 §4.4.2, and RFC 5246 §7.4.2, which has neither a context nor extensions. */
function readCertificates(
  body: Buffer,
  { withContext }: { readonly withContext: boolean },
): readonly Uint8Array[] | undefined {
  const found: Uint8Array[] = []
  let at = (withContext ? 1 + (body[0] ?? 0) : 0) + 3
  while (at < body.length) {
    if (at + 3 > body.length) return undefined
    const end = at + 3 + body.readUIntBE(at, 3)
    if (end > body.length) return undefined
    found.push(new Uint8Array(body.subarray(at + 3, end)))
    if (withContext && end + 2 > body.length) return undefined
    at = withContext ? end + 2 + body.readUInt16BE(end) : end
  }
  return found
}
