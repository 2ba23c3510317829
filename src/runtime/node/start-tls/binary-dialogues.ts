/** Dialogues of the protocols that are spoken in packets. */
import { complete, type Dialogue, type Heard, incomplete, refused } from './dialogue.ts'

/** The request that a PostgreSQL server answers with one byte: length 8, code 1234.5679. */
const postgresRequest = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f])

/** PostgreSQL, "SSL session encryption" in its frontend/backend protocol. */
export const postgres: Dialogue = {
  label: 'PostgreSQL',
  steps: () => [
    {
      send: postgresRequest,
      awaited: 'answer the request for TLS',
      hear: received => {
        const answer = received.toString('latin1', 0, 1)
        if (answer === 'S') return complete(1)
        if (answer === 'N') return refused('not-offered', answer)
        // An error message has a type, a length, and fields of a letter and a text each.
        if (answer === 'E') return refused('not-ready', received.subarray(1 + 4))
        return answer === '' ? incomplete : refused('other-protocol', received)
      },
    },
  ],
}

/** ClientSSL, LongPassword, Protocol41, SecureConnection, PluginAuth. */
const mysqlCapabilities = 0x0800 | 0x0001 | 0x0200 | 0x8000 | 0x80000
const mysqlTls = 0x0800
const mysqlMaxPacket = 0x1000000
const mysqlHeaderLength = 4
const mysqlErrorPacket = 0xff
const mysqlProtocol = 10

/** MySQL and MariaDB: the server greets and says whether it can do TLS; the request for it has no answer. */
export const mysql: Dialogue = {
  label: 'MySQL',
  steps: () => [{ awaited: 'greet', hear: hearMysqlGreeting }],
  last: mysqlRequest(),
}

function hearMysqlGreeting(received: Buffer): Heard {
  if (received.length <= mysqlHeaderLength) return incomplete
  const end = mysqlHeaderLength + received.readUIntLE(0, 3)
  const kind = received[mysqlHeaderLength]
  if (received[3] !== 0 || (kind !== mysqlProtocol && kind !== mysqlErrorPacket))
    return refused('other-protocol', received)
  if (received.length < end) return incomplete
  // Behind the code of two bytes is the text: "Host … is blocked".
  if (kind === mysqlErrorPacket) return refused('not-ready', received.subarray(mysqlHeaderLength + 3, end))
  const versionEnd = received.indexOf(0, mysqlHeaderLength + 1)
  const capabilitiesAt = versionEnd + 1 + 4 + 8 + 1 // thread id, beginning of the salt, filler
  if (versionEnd < 0 || capabilitiesAt + 2 > end) return refused('other-protocol', received)
  const hasTls = (received.readUInt16LE(capabilitiesAt) & mysqlTls) !== 0
  return hasTls ? complete(end) : refused('not-offered', received.subarray(mysqlHeaderLength + 1, versionEnd))
}

function mysqlRequest(): Buffer {
  const request = Buffer.alloc(mysqlHeaderLength + 32)
  request.writeUIntLE(32, 0, 3)
  request[3] = 1 // sequence
  request.writeUInt32LE(mysqlCapabilities, 4)
  request.writeUInt32LE(mysqlMaxPacket, 8)
  request[12] = 45 // utf8mb4
  return request
}

/** An ExtendedRequest with the name of StartTLS, message 1. */
const ldapRequest = Buffer.concat([
  Buffer.from([0x30, 0x1d, 0x02, 0x01, 0x01, 0x77, 0x18, 0x80, 0x16]),
  Buffer.from('1.3.6.1.4.1.1466.20037'),
])
const ldapTags = { message: 0x30, integer: 0x02, extendedResponse: 0x78, enumerated: 0x0a, text: 0x04 }
const ldapProtocolError = 2

/** LDAP, RFC 4511 section 4.14. */
export const ldap: Dialogue = {
  label: 'LDAP',
  steps: () => [{ send: ldapRequest, awaited: 'answer StartTLS', hear: hearLdapResponse }],
}

function hearLdapResponse(received: Buffer): Heard {
  const message = element(received, 0)
  if (message === 'incomplete' || (message?.tag === ldapTags.message && message.end > received.length))
    return incomplete
  const fields = message?.tag === ldapTags.message ? elementsOf(received, message) : []
  const response = fields.find(({ tag }) => tag === ldapTags.extendedResponse)
  const [result, , text] = response === undefined ? [] : elementsOf(received, response)
  if (message === undefined || fields[0]?.tag !== ldapTags.integer || result?.tag !== ldapTags.enumerated)
    return refused('other-protocol', received)
  const code = received[result.start]
  if (code === 0) return complete(message.end)
  const words = text?.tag === ldapTags.text ? received.toString('utf8', text.start, text.end) : ''
  const refusal = code === ldapProtocolError ? 'not-offered' : 'refused'
  return refused(refusal, `result ${code}${words === '' ? '' : `: ${words}`}`)
}

type Element = { readonly tag: number; readonly start: number; readonly end: number }

/** The BER element at `offset`; `undefined` where there cannot be one. Active Directory writes lengths of four bytes. */
function element(bytes: Buffer, offset: number): Element | 'incomplete' | undefined {
  const tag = bytes[offset]
  const first = bytes[offset + 1]
  if (tag === undefined || first === undefined) return 'incomplete'
  if (first < 0x80) return { tag, start: offset + 2, end: offset + 2 + first }
  const lengthBytes = first - 0x80
  if (lengthBytes < 1 || lengthBytes > 4) return undefined
  const start = offset + 2 + lengthBytes
  if (bytes.length < start) return 'incomplete'
  return { tag, start, end: start + bytes.readUIntBE(offset + 2, lengthBytes) }
}

/** The elements inside one that has arrived as a whole; those that reach beyond its end are left out. */
function elementsOf(bytes: Buffer, { start, end }: Element): readonly Element[] {
  const found: Element[] = []
  for (let offset = start; offset < end; ) {
    const next = element(bytes, offset)
    if (next === undefined || next === 'incomplete' || next.end > end) return found
    found.push(next)
    offset = next.end
  }
  return found
}
