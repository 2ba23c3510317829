/** Records, the envelopes of TLS (RFC 8446 §5.1). Pure. */
import { joined, malformedTls, readBytes, uint, vector } from './bytes.ts'

export const recordKinds = { changeCipherSpec: 20, alert: 21, handshake: 22, application: 23 } as const

/** A record; the header is kept because encrypted ones authenticate it. */
export type TlsRecord = {
  readonly kind: number
  readonly header: Uint8Array
  readonly content: Uint8Array
}

/** A record that is not encrypted. */
export function plainRecord(kind: number, version: number, content: Uint8Array): Uint8Array {
  return joined(uint(1, kind), uint(2, version), vector(2, content))
}

const headerBytes = 5
const largestContent = 16_384 + 2_048 // RFC 5246 §6.2.3

/** Takes bytes in pieces as they come, gives whole records. */
export type RecordReader = {
  /** @throws AppError ERR_REPLY_INVALID where something else than a record begins */
  readonly take: (bytes: Uint8Array) => readonly TlsRecord[]
}

/** A reader; it keeps no more than one record that has not come whole. */
export function createRecordReader(): RecordReader {
  let rest: Uint8Array = new Uint8Array()
  return {
    take: bytes => {
      rest = joined(rest, bytes)
      const records: TlsRecord[] = []
      for (;;) {
        const found = firstRecord(rest)
        if (found === undefined) return records
        records.push(found)
        rest = rest.subarray(headerBytes + found.content.length)
      }
    },
  }
}

function firstRecord(data: Uint8Array): TlsRecord | undefined {
  if (data.length < headerBytes) return undefined
  const reader = readBytes(data, 'a record')
  const header = reader.bytes(headerBytes)
  const [kind = 0, major] = header
  const length = readBytes(header.subarray(3), 'a record').uint(2)
  const known = kind >= recordKinds.changeCipherSpec && kind <= 24 // 24 is heartbeat
  if (!known || major !== 3 || length > largestContent) throw malformedTls('what it sent is no record of TLS')
  return reader.left() < length ? undefined : { kind, header, content: reader.bytes(length) }
}
