/** Reading and writing numbers and vectors of the TLS presentation language (RFC 8446 §3). Pure. */
import { AppError } from '../base/errors.ts'

/** The error for bytes that no TLS server may send. */
export function malformedTls(what: string): AppError {
  return new AppError('ERR_REPLY_INVALID', `the server sent TLS that cannot be read: ${what}`, {
    hint: 'see that this port speaks TLS, or name its protocol with --starttls',
  })
}

/** Takes bytes off the front; everything throws ERR_REPLY_INVALID where too few are left. */
export type ByteReader = {
  readonly left: () => number
  /** A number of one to three bytes. */
  readonly uint: (length: 1 | 2 | 3) => number
  readonly bytes: (count: number) => Uint8Array
  /** The content of a vector whose length is a number of so many bytes. */
  readonly vector: (lengthBytes: 1 | 2 | 3) => ByteReader
  /** All that is left. */
  readonly rest: () => Uint8Array
}

/**
 * A reader over `data`, which is not copied.
 * @param what - the name of the structure, for the error
 */
export function readBytes(data: Uint8Array, what: string): ByteReader {
  let at = 0
  const bytes = (count: number): Uint8Array => {
    if (count > data.length - at) throw malformedTls(`${what} ends too early`)
    at += count
    return data.subarray(at - count, at)
  }
  const uint = (length: number): number => bytes(length).reduce((number, byte) => number * 256 + byte, 0)
  return {
    left: () => data.length - at,
    uint,
    bytes,
    vector: lengthBytes => readBytes(bytes(uint(lengthBytes)), what),
    rest: () => bytes(data.length - at),
  }
}

/** A number in big-endian bytes. */
export function uint(length: 1 | 2 | 3, value: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (value >>> (8 * (length - 1 - index))) & 0xff)
}

/** Numbers of two bytes, one after the other. */
export function uint16s(values: readonly number[]): Uint8Array {
  return joined(...values.map(value => uint(2, value)))
}

/** A vector: its length in so many bytes, then its content. */
export function vector(lengthBytes: 1 | 2 | 3, ...content: readonly Uint8Array[]): Uint8Array {
  const body = joined(...content)
  return joined(uint(lengthBytes, body.length), body)
}

/** All of them, one after the other. */
export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
}
