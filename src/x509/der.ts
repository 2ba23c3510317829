/**
 * Reading DER (X.690): strict, with definite and minimal lengths, one-octet tags, and caps on size and depth.
 *
 * A value is read into a tree at once, so whatever is malformed anywhere is refused before anything is used.
 * Strings are read by `name.ts`, object identifiers are kept as dotted text.
 */
import { AppError } from '../base/errors.ts'
import { type Instant, instant } from '../base/instant.ts'

/** Tag octets in use (class, constructed bit and number). */
export const tag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8String: 0x0c,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const

const constructedBit = 0x20
const contextClass = 0x80

/** The tag octet `[n]`: constructed (explicit, or an implicit SEQUENCE) unless `primitive`. */
export function contextTag(number: number, form: 'constructed' | 'primitive' = 'constructed'): number {
  return contextClass | (form === 'constructed' ? constructedBit : 0) | number
}

/** One value: its tag octet, its content octets, the whole encoding, and the values inside if it is constructed. */
export type DerValue = {
  readonly tag: number
  readonly content: Uint8Array
  readonly bytes: Uint8Array
  readonly children: readonly DerValue[]
}

/** Largest input: a certificate with a hundred names has about 4 KiB, the limit on a whole chain is 128 KiB. */
export const maxDerBytes = 128 * 1024
/** Deepest nesting: a CSR's subject alternative name lies 9 deep. */
export const maxDerDepth = 16

/** The error of everything that reads binary or textual formats here. */
export function malformed(what: string, cause?: unknown): AppError {
  return new AppError('ERR_FORMAT', what, { cause })
}

/**
 * Reads exactly one value. The input is copied, so the result stays as it is.
 * @throws AppError ERR_FORMAT
 */
export function parseDer(input: Uint8Array): DerValue {
  if (input.length > maxDerBytes) throw malformed(`DER is longer than ${maxDerBytes} bytes`)
  const bytes = new Uint8Array(input)
  const value = readValue(bytes, 0)
  if (value.bytes.length !== bytes.length) throw malformed('DER is followed by further bytes')
  return value
}

function readValue(input: Uint8Array, depth: number): DerValue {
  if (depth > maxDerDepth) throw malformed(`DER is nested more than ${maxDerDepth} deep`)
  const [tagOctet, lengthOctet] = input
  if (tagOctet === undefined || lengthOctet === undefined) throw malformed('DER is cut short')
  if ((tagOctet & 0x1f) === 0x1f) throw malformed('DER has a tag of more than one octet')
  if (tagOctet === 0) throw malformed('DER has an end-of-contents tag')
  const { start, length } = readLength(input, lengthOctet)
  const end = start + length
  if (end > input.length) throw malformed('DER is cut short')
  const content = input.subarray(start, end)
  const children = (tagOctet & constructedBit) === 0 ? [] : readAll(content, depth + 1)
  return { tag: tagOctet, content, bytes: input.subarray(0, end), children }
}

function readLength(input: Uint8Array, first: number): { start: number; length: number } {
  if (first < 0x80) return { start: 2, length: first }
  const octets = input.subarray(2, 2 + (first & 0x7f))
  const length = octets.reduce((sum, octet) => sum * 256 + octet, 0)
  // The indefinite length has no octets at all. Octets that are cut short lead behind the end of the input.
  if (octets[0] === 0 || length < 0x80) throw malformed('DER has a length that is indefinite or not minimal')
  return { start: 2 + octets.length, length }
}

function readAll(content: Uint8Array, depth: number): readonly DerValue[] {
  const values: DerValue[] = []
  for (let rest = content; rest.length > 0; ) {
    const value = readValue(rest, depth)
    values.push(value)
    rest = rest.subarray(value.bytes.length)
  }
  return values
}

/** Takes the members of a SEQUENCE one after another. Everything throws AppError ERR_FORMAT. */
export type MemberReader = {
  /** The next member; it must be there and, if a tag is given, have it. */
  take(expectedTag?: number): DerValue
  /** The next member if it has this tag. */
  takeIf(expectedTag: number): DerValue | undefined
  /** All members from here on. */
  rest(): readonly DerValue[]
  /** That there are no more. */
  end(): void
}

/**
 * A reader for the members of `value`.
 * @param what - names the value in errors, such as `certificate validity`
 * @param expectedTag - of `value` itself; SEQUENCE unless given
 * @throws AppError ERR_FORMAT when `value` has another tag
 */
export function membersOf(value: DerValue, what: string, expectedTag: number = tag.sequence): MemberReader {
  if (value.tag !== expectedTag) throw malformed(`${what} is not what it must be`)
  const { children } = value
  let position = 0
  return {
    take(wanted) {
      const next = children[position]
      if (next === undefined) throw malformed(`${what} lacks a part`)
      if (wanted !== undefined && next.tag !== wanted) throw malformed(`${what} has an unexpected part`)
      position += 1
      return next
    },
    takeIf(wanted) {
      const next = children[position]
      if (next?.tag !== wanted) return undefined
      position += 1
      return next
    },
    rest() {
      const remaining = children.slice(position)
      position = children.length
      return remaining
    },
    end() {
      if (position < children.length) throw malformed(`${what} has an unexpected part`)
    },
  }
}

/** The content octets of an INTEGER, checked to be minimal. */
export function readInteger({ tag: given, content }: DerValue): Uint8Array {
  const [first, second] = content
  if (given !== tag.integer || first === undefined) throw malformed('DER has no integer where one must be')
  const redundant =
    second !== undefined && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80))
  if (redundant) throw malformed('DER has an integer that is not minimal')
  return content
}

/** A non-negative INTEGER below 2³¹, such as a version or a path length. */
export function readSmallInteger(value: DerValue): number {
  const content = readInteger(value)
  if (content.length > 4 || (content[0] ?? 0) >= 0x80) throw malformed('DER has an integer out of range')
  return content.reduce((sum, octet) => sum * 256 + octet, 0)
}

/** A BOOLEAN, which DER writes as 00 or FF. */
export function readBoolean({ tag: given, content }: DerValue): boolean {
  const [octet] = content
  if (given !== tag.boolean || content.length !== 1 || (octet !== 0 && octet !== 0xff)) {
    throw malformed('DER has no boolean where one must be')
  }
  return octet === 0xff
}

/** A BIT STRING as octets; the unused last bits are checked to be zero. */
export function readBitString({ tag: given, content }: DerValue): {
  readonly octets: Uint8Array
  readonly unusedBits: number
} {
  const [unusedBits] = content
  if (given !== tag.bitString || unusedBits === undefined || unusedBits > 7) {
    throw malformed('DER has no bit string where one must be')
  }
  const octets = content.subarray(1)
  const last = octets.at(-1)
  const padding = (1 << unusedBits) - 1
  if (last === undefined ? unusedBits !== 0 : (last & padding) !== 0) {
    throw malformed('DER has a bit string with unused bits set')
  }
  return { octets, unusedBits }
}

/** A BIT STRING of whole octets, such as a signature or a public key. */
export function readOctetBits(value: DerValue): Uint8Array {
  const { octets, unusedBits } = readBitString(value)
  if (unusedBits !== 0) throw malformed('DER has a bit string that does not end on an octet')
  return octets
}

/** An OCTET STRING. */
export function readOctets({ tag: given, content }: DerValue): Uint8Array {
  if (given !== tag.octetString) throw malformed('DER has no octet string where one must be')
  return content
}

/** Longest object identifier: far above the 20 octets of the longest known ones. */
const maxOidBytes = 64

/** An OBJECT IDENTIFIER as dotted text. */
export function readOid({ tag: given, content }: DerValue): string {
  const last = content.at(-1)
  if (given !== tag.oid || last === undefined || last >= 0x80 || content.length > maxOidBytes) {
    throw malformed('DER has no object identifier where one must be')
  }
  const arcs: bigint[] = []
  let arc = 0n
  let fresh = true
  for (const octet of content) {
    if (fresh && octet === 0x80) throw malformed('DER has an object identifier that is not minimal')
    arc = (arc << 7n) | BigInt(octet & 0x7f)
    fresh = octet < 0x80
    if (fresh) {
      arcs.push(arc)
      arc = 0n
    }
  }
  const [first = 0n, ...others] = arcs
  const root = first < 40n ? 0n : first < 80n ? 1n : 2n // X.690 §8.19.4: the first two arcs share a number
  return [root, first - root * 40n, ...others].join('.')
}

const timePatterns = {
  [tag.utcTime]: /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/,
  [tag.generalizedTime]: /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/,
}

/** A UTCTime or GeneralizedTime in the one form RFC 5280 §4.1.2.5 allows: to the second, in UTC. */
export function readTime({ tag: given, content }: DerValue): Instant {
  const text = Buffer.from(content).toString('latin1')
  const pattern = given === tag.utcTime || given === tag.generalizedTime ? timePatterns[given] : undefined
  const fields = pattern?.exec(text)?.slice(1).map(Number)
  if (fields === undefined) throw malformed('DER has no time where one must be')
  const [years = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = fields
  const year = given === tag.generalizedTime ? years : years < 50 ? 2000 + years : 1900 + years
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day) // Date.UTC would move the years 0 to 99
  date.setUTCHours(hour, minute, second)
  // A month 13 or a 30 February would have been carried over.
  const written = date.toISOString().replaceAll(/[-T:]|\.\d+Z/g, '')
  if (!`${written}Z`.endsWith(text)) throw malformed('DER has a time that does not exist')
  return instant(date.getTime())
}
