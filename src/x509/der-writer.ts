/** Writing DER (X.690): each function returns the encoding of one value. */
import { formatInstant, type Instant } from '../base/instant.ts'
import { contextTag, tag } from './der.ts'

/** A value of any tag with the given content. */
export function encodeDer(tagOctet: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  return joinBytes(Uint8Array.from([tagOctet, ...lengthOctets(length)]), ...parts)
}

function lengthOctets(length: number): readonly number[] {
  if (length < 0x80) return [length]
  const octets: number[] = []
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256)
  return [0x80 | octets.length, ...octets]
}

/** The parts one after another. */
export function joinBytes(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
}

export function sequence(...members: readonly Uint8Array[]): Uint8Array {
  return encodeDer(tag.sequence, ...members)
}

/** A SET of one member; more would have to be sorted. */
export function setOfOne(member: Uint8Array): Uint8Array {
  return encodeDer(tag.set, member)
}

/** `[n]` around a value. */
export function explicit(number: number, ...members: readonly Uint8Array[]): Uint8Array {
  return encodeDer(contextTag(number), ...members)
}

/** `[n]` in place of a primitive value's own tag. */
export function implicit(number: number, content: Uint8Array): Uint8Array {
  return encodeDer(contextTag(number, 'primitive'), content)
}

/** A non-negative INTEGER from big-endian octets, however many zeros lead them. */
export function unsignedInteger(octets: Uint8Array): Uint8Array {
  const start = octets.findIndex(octet => octet !== 0)
  const magnitude = start === -1 ? Uint8Array.of(0) : octets.subarray(start)
  const signed = (magnitude[0] ?? 0) < 0x80 ? magnitude : joinBytes(Uint8Array.of(0), magnitude)
  return encodeDer(tag.integer, signed)
}

/** A non-negative INTEGER of at most 31 bits. */
export function smallInteger(value: number): Uint8Array {
  return unsignedInteger(Uint8Array.from([24, 16, 8, 0], shift => (value >>> shift) & 0xff))
}

/** BOOLEAN TRUE. FALSE is never written: it is the default wherever we write one. */
export const derTrue = encodeDer(tag.boolean, Uint8Array.of(0xff))

export const derNull = encodeDer(tag.null)

export function octetString(content: Uint8Array): Uint8Array {
  return encodeDer(tag.octetString, content)
}

/** A BIT STRING of whole octets. */
export function bitString(octets: Uint8Array, unusedBits = 0): Uint8Array {
  return encodeDer(tag.bitString, Uint8Array.of(unusedBits), octets)
}

/** A BIT STRING of named bits: trailing zero bits are left out (X.690 §11.2.2). */
export function namedBits(positions: readonly number[]): Uint8Array {
  const highest = Math.max(...positions)
  const octets = new Uint8Array(Math.floor(highest / 8) + 1)
  for (const position of positions) {
    const index = Math.floor(position / 8)
    octets[index] = (octets[index] ?? 0) | (0x80 >> (position % 8))
  }
  return bitString(octets, 7 - (highest % 8))
}

export function utf8String(text: string): Uint8Array {
  return encodeDer(tag.utf8String, Buffer.from(text, 'utf8'))
}

/** An OBJECT IDENTIFIER from dotted text. */
export function oid(dotted: string): Uint8Array {
  const [root = 0n, second = 0n, ...others] = dotted.split('.').map(BigInt)
  const octets = [root * 40n + second, ...others].flatMap(base128)
  return encodeDer(tag.oid, Uint8Array.from(octets))
}

function base128(arc: bigint): readonly number[] {
  const octets = [Number(arc & 0x7fn)]
  for (let rest = arc >> 7n; rest > 0n; rest >>= 7n) octets.unshift(Number(rest & 0x7fn) | 0x80)
  return octets
}

/** A time to the second: UTCTime up to 2049, GeneralizedTime from 2050 on (RFC 5280 §4.1.2.5). */
export function time(at: Instant): Uint8Array {
  const digits = formatInstant(at).replaceAll(/[-T:]/g, '')
  const inUtcTime = digits >= '1950' && digits < '2050'
  return inUtcTime
    ? encodeDer(tag.utcTime, Buffer.from(digits.slice(2)))
    : encodeDer(tag.generalizedTime, Buffer.from(digits))
}
