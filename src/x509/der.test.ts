import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { instant } from '../base/instant.ts'
import {
  type DerValue,
  maxDerBytes,
  maxDerDepth,
  membersOf,
  parseDer,
  readBitString,
  readBoolean,
  readInteger,
  readOctetBits,
  readOctets,
  readOid,
  readSmallInteger,
  readTime,
  tag,
} from './der.ts'
import {
  bitString,
  encodeDer,
  namedBits,
  octetString,
  oid,
  sequence,
  smallInteger,
  time,
  unsignedInteger,
} from './der-writer.ts'

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'))
const formatError = { name: 'AppError', code: 'ERR_FORMAT' }

const refused = [
  { name: 'nothing', given: '' },
  { name: 'a tag alone', given: '30' },
  { name: 'content cut short', given: '04 03 01 02' },
  { name: 'a length cut short', given: '04 82 01' },
  { name: 'bytes after the value', given: '05 00 00' },
  { name: 'an indefinite length', given: '30 80 00 00' },
  { name: 'an indefinite length before as many bytes as it could mean', given: `04 80 ${'00'.repeat(128)}` },
  { name: 'a length cut short behind many bytes', given: '04 82 ff' },
  { name: 'a length far above what numbers hold', given: `04 ff ${'ff'.repeat(127)}` },
  { name: 'a long form for a short length', given: '04 81 01 00' },
  { name: 'a length with a leading zero', given: `04 82 00 80 ${'00'.repeat(128)}` },
  { name: 'a length of four octets', given: '04 84 00 00 00 01 00' },
  { name: 'a tag of several octets', given: '1f 01 00' },
  { name: 'an end-of-contents tag inside', given: '30 02 00 00' },
  { name: 'a malformed value inside', given: '30 03 30 02 05' },
] as const

describe('parseDer refuses', () => {
  for (const { name, given } of refused) {
    it(name, () => assert.throws(() => parseDer(hex(given)), formatError))
  }

  it('values that are nested too deep', () => {
    const nested = (depth: number): Uint8Array => (depth === 0 ? sequence() : sequence(nested(depth - 1)))
    assert.doesNotThrow(() => parseDer(nested(maxDerDepth)))
    assert.throws(() => parseDer(nested(maxDerDepth + 1)), formatError)
  })

  it('input that is too long', () => {
    const header = octetString(new Uint8Array(maxDerBytes - 10)).length - (maxDerBytes - 10)
    assert.doesNotThrow(() => parseDer(octetString(new Uint8Array(maxDerBytes - header))))
    assert.throws(() => parseDer(octetString(new Uint8Array(maxDerBytes - header + 1))), formatError)
  })
})

type Tree = { readonly tag: number; readonly content: Uint8Array | readonly Tree[] }

const primitiveTag = fc.integer({ min: 1, max: 0xff }).filter(octet => (octet & 0x3f) < 0x1f)
const constructedTag = primitiveTag.map(octet => octet | 0x20)
const trees = fc.letrec<{ tree: Tree }>(tie => ({
  tree: fc.oneof(
    { maxDepth: 5 },
    fc.record({ tag: primitiveTag, content: fc.uint8Array({ maxLength: 300 }) }, { noNullPrototype: true }),
    fc.record(
      { tag: constructedTag, content: fc.array(tie('tree'), { maxLength: 4 }) },
      { noNullPrototype: true },
    ),
  ),
}))

function encodeTree({ tag: octet, content }: Tree): Uint8Array {
  return content instanceof Uint8Array
    ? encodeDer(octet, content)
    : encodeDer(octet, ...content.map(encodeTree))
}

function toTree({ tag: octet, content, children }: DerValue): Tree {
  return { tag: octet, content: (octet & 0x20) === 0 ? content : children.map(toTree) }
}

describe('DER properties', () => {
  it('reading what was written gives the same tree', () => {
    fc.assert(
      fc.property(trees.tree, tree => {
        assert.deepEqual(toTree(parseDer(encodeTree(tree))), tree)
      }),
    )
  })

  it('whatever is read is written the same way again', () => {
    const bytes = fc.uint8Array({ minLength: 2, maxLength: 12 })
    fc.assert(
      fc.property(bytes, given => {
        const value = attempt(() => parseDer(given))
        if (value !== undefined) assert.deepEqual(encodeTree(toTree(value)), new Uint8Array(given))
      }),
      { numRuns: 2_000 },
    )
  })

  it('object identifiers, integers, bits and times are read as they were written', () => {
    const arcs = fc.array(fc.bigInt({ min: 0n, max: 2n ** 80n }), { minLength: 0, maxLength: 4 })
    const roots = fc.constantFrom('0.0', '0.39', '1.0', '1.39', '2.0', '2.999')
    fc.assert(
      fc.property(roots, arcs, (root, rest) => {
        const dotted = [root, ...rest].join('.')
        assert.equal(readOid(parseDer(oid(dotted))), dotted)
      }),
    )
    fc.assert(
      fc.property(fc.nat(), number => assert.equal(readSmallInteger(parseDer(smallInteger(number))), number)),
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 30 }), octets => {
        assert.deepEqual(readOctetBits(parseDer(bitString(octets))), new Uint8Array(octets))
        const magnitude = Buffer.from(readInteger(parseDer(unsignedInteger(octets)))).toString('hex')
        assert.equal(BigInt(`0x${magnitude}`), BigInt(`0x0${Buffer.from(octets).toString('hex')}`))
      }),
    )
    const seconds = fc.integer({ min: Date.UTC(1900, 0) / 1000, max: Date.UTC(9999, 11, 31) / 1000 })
    fc.assert(
      fc.property(seconds, second =>
        assert.equal(readTime(parseDer(time(instant(second * 1000)))), second * 1000),
      ),
    )
  })
})

describe('primitive values', () => {
  const cases = [
    { name: 'an integer with a needless zero', read: readInteger, given: '02 02 00 7f' },
    { name: 'an integer with needless ones', read: readInteger, given: '02 02 ff 80' },
    { name: 'an empty integer', read: readInteger, given: '02 00' },
    { name: 'a negative small integer', read: readSmallInteger, given: '02 01 ff' },
    { name: 'a small integer of five octets', read: readSmallInteger, given: '02 05 01 00 00 00 00' },
    { name: 'a boolean that is neither 00 nor ff', read: readBoolean, given: '01 01 01' },
    { name: 'a boolean of two octets', read: readBoolean, given: '01 02 ff ff' },
    { name: 'a bit string without its first octet', read: readBitString, given: '03 00' },
    { name: 'a bit string with unused bits set', read: readBitString, given: '03 02 01 01' },
    { name: 'an empty bit string with unused bits', read: readBitString, given: '03 01 01' },
    { name: 'a boolean of another tag', read: readBoolean, given: '02 01 ff' },
    { name: 'a bit string of another tag', read: readBitString, given: '04 01 00' },
    { name: 'a bit string with eight unused bits', read: readBitString, given: '03 02 08 00' },
    { name: 'the smallest negative octet', read: readSmallInteger, given: '02 01 80' },
    { name: 'an integer of another tag', read: readInteger, given: '04 01 01' },
    { name: 'octet bits with unused bits', read: readOctetBits, given: '03 02 01 02' },
    { name: 'an octet string of another tag', read: readOctets, given: '05 00' },
    { name: 'an object identifier that ends inside an arc', read: readOid, given: '06 03 2a 81 80' },
    { name: 'an object identifier of another tag', read: readOid, given: '04 01 2a' },
    { name: 'an object identifier with a padded arc', read: readOid, given: '06 03 2a 80 01' },
    { name: 'an empty object identifier', read: readOid, given: '06 00' },
    { name: 'an object identifier of 65 octets', read: readOid, given: `06 41 ${'2a'.repeat(65)}` },
  ] as const
  for (const { name, read, given } of cases) {
    it(`refuses ${name}`, () => assert.throws(() => read(parseDer(hex(given))), formatError))
  }

  it('reads what lies just inside the limits', () => {
    assert.deepEqual(readInteger(parseDer(hex('02 02 00 80'))), hex('00 80'))
    assert.deepEqual(readInteger(parseDer(hex('02 02 ff 7f'))), hex('ff 7f'))
    assert.equal(readBitString(parseDer(hex('03 02 07 80'))).unusedBits, 7)
    assert.doesNotThrow(() => readOid(parseDer(hex(`06 40 ${'2a'.repeat(64)}`))))
    for (const length of [0x7f, 0x80, 0xff, 0x100, 0xffff, 0x10000]) {
      assert.equal(parseDer(octetString(new Uint8Array(length))).content.length, length)
    }
  })

  it('writes named bits without trailing zeros', () => {
    assert.deepEqual(namedBits([0]), hex('03 02 07 80'))
    assert.deepEqual(namedBits([5, 6]), hex('03 02 01 06'))
    assert.deepEqual(namedBits([0, 8]), hex('03 03 07 80 80'))
  })

  it('writes serial numbers that would be negative with a leading zero', () => {
    assert.deepEqual(unsignedInteger(hex('00 00 87')), hex('02 02 00 87'))
    assert.deepEqual(unsignedInteger(hex('')), hex('02 01 00'))
  })
})

describe('readTime', () => {
  const times = [
    { text: '491231235959Z', kind: tag.utcTime, expected: '2049-12-31T23:59:59Z' },
    { text: '500101000000Z', kind: tag.utcTime, expected: '1950-01-01T00:00:00Z' },
    { text: '20240229120000Z', kind: tag.generalizedTime, expected: '2024-02-29T12:00:00Z' },
    { text: '99991231235959Z', kind: tag.generalizedTime, expected: '9999-12-31T23:59:59Z' },
    { text: '00010101000000Z', kind: tag.generalizedTime, expected: '0001-01-01T00:00:00Z' },
    { text: '230229120000Z', kind: tag.utcTime, expected: undefined },
    { text: '231301000000Z', kind: tag.utcTime, expected: undefined },
    { text: '230101240000Z', kind: tag.utcTime, expected: undefined },
    { text: '230101000060Z', kind: tag.utcTime, expected: undefined },
    { text: '2301010000Z', kind: tag.utcTime, expected: undefined },
    { text: '230101000000+0100', kind: tag.utcTime, expected: undefined },
    { text: '20230101000000.5Z', kind: tag.generalizedTime, expected: undefined },
    { text: '230101000000Z', kind: tag.generalizedTime, expected: undefined },
    { text: '230101000000Z', kind: tag.ia5String, expected: undefined },
  ] as const
  for (const { text, kind, expected } of times) {
    it(`${expected === undefined ? 'refuses' : 'reads'} ${text} with tag ${kind}`, () => {
      const value = parseDer(encodeDer(kind, Buffer.from(text)))
      if (expected === undefined) assert.throws(() => readTime(value), formatError)
      else assert.equal(readTime(value), Date.parse(expected))
    })
  }

  it('is written as UTCTime up to 2049 and as GeneralizedTime before 1950 and from 2050 on', () => {
    for (const [text, expected] of [
      ['1949-12-31T23:59:59Z', tag.generalizedTime],
      ['1950-01-01T00:00:00Z', tag.utcTime],
      ['2049-12-31T23:59:59Z', tag.utcTime],
      ['2050-01-01T00:00:00Z', tag.generalizedTime],
    ] as const) {
      assert.equal(parseDer(time(instant(Date.parse(text)))).tag, expected, text)
    }
  })
})

describe('membersOf', () => {
  const value = parseDer(sequence(smallInteger(1), octetString(hex('aa'))))

  it('takes members in order and tells when there are more or fewer than expected', () => {
    const members = membersOf(value, 'thing')
    assert.equal(members.takeIf(tag.boolean), undefined)
    assert.equal(members.takeIf(tag.integer)?.tag, tag.integer)
    assert.throws(() => members.end(), formatError)
    assert.throws(() => members.take(tag.integer), formatError)
    assert.equal(members.rest().length, 1)
    assert.doesNotThrow(() => members.end())
    assert.throws(() => members.take(), formatError)
  })

  it('refuses a value of another tag', () => {
    assert.throws(() => membersOf(value, 'thing', tag.set), formatError)
  })
})

function attempt<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
