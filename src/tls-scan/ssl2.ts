/** SSL 2: its hello and its answer, to know whether a server still speaks it (the reason for DROWN). Pure. */
import { joined, readBytes, uint } from './bytes.ts'

/** The ciphers of SSL 2, by their three bytes. */
const ciphers: Readonly<Record<number, string>> = {
  0x01_00_80: 'SSL_CK_RC4_128_WITH_MD5',
  0x02_00_80: 'SSL_CK_RC4_128_EXPORT40_WITH_MD5',
  0x03_00_80: 'SSL_CK_RC2_128_CBC_WITH_MD5',
  0x04_00_80: 'SSL_CK_RC2_128_CBC_EXPORT40_WITH_MD5',
  0x05_00_80: 'SSL_CK_IDEA_128_CBC_WITH_MD5',
  0x06_00_40: 'SSL_CK_DES_64_CBC_WITH_MD5',
  0x07_00_c0: 'SSL_CK_DES_192_EDE3_CBC_WITH_MD5',
}

/** A CLIENT-HELLO of SSL 2 with all ciphers. */
export function ssl2Hello(challenge: Uint8Array): Uint8Array {
  const specs = joined(...Object.keys(ciphers).map(key => uint(3, Number(key))))
  const body = joined(
    uint(1, 1),
    uint(2, 0x0002),
    uint(2, specs.length),
    uint(2, 0), // no session
    uint(2, challenge.length),
    specs,
    challenge,
  )
  return joined(uint(2, 0x8000 | body.length), body)
}

/**
 * The ciphers that a SERVER-HELLO of SSL 2 names; `undefined` as long as it has not come whole.
 * @throws AppError ERR_REPLY_INVALID when it is something else
 */
export function readSsl2Hello(data: Uint8Array): readonly string[] | undefined {
  if (data.length < 3) return undefined
  const reader = readBytes(data, 'a hello of SSL 2')
  const header = reader.uint(2)
  // Anything but a record with a two-byte header and a SERVER-HELLO in it: a server that does not speak SSL 2.
  if ((header & 0x8000) === 0 || reader.uint(1) !== 4) return []
  if (reader.left() < (header & 0x7fff) - 1) return undefined
  reader.bytes(2) // whether the session is known, the kind of certificate
  if (reader.uint(2) !== 0x0002) return []
  const certificateLength = reader.uint(2)
  const specsLength = reader.uint(2)
  reader.uint(2) // length of the connection's name
  reader.bytes(certificateLength)
  const specs = readBytes(reader.bytes(specsLength), 'the ciphers of SSL 2')
  const names: string[] = []
  while (specs.left() >= 3) {
    const number = specs.uint(3)
    names.push(ciphers[number] ?? `0x${number.toString(16).padStart(6, '0')}`)
  }
  return names
}
