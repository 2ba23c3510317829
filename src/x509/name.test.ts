import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseDer, tag } from './der.ts'
import { encodeDer, oid, sequence, setOfOne, utf8String } from './der-writer.ts'
import { encodeName, readName } from './name.ts'

const formatError = { name: 'AppError', code: 'ERR_FORMAT' }
const attribute = (type: string, value: Uint8Array): Uint8Array => sequence(oid(type), value)
const relative = (type: string, value: Uint8Array): Uint8Array => setOfOne(attribute(type, value))
const commonName = '2.5.4.3'
const printableStringTag = 0x13
const bmpStringTag = 0x1e

const names = [
  { name: 'an empty name', given: sequence(), text: '', common: undefined },
  { name: 'a common name', given: encodeName('Ré'), text: 'CN=Ré', common: 'Ré' },
  {
    name: 'the most specific part first',
    given: sequence(
      relative('2.5.4.6', encodeDer(printableStringTag, Buffer.from('US'))),
      relative('2.5.4.10', utf8String("Let's Encrypt")),
      relative(commonName, utf8String('YE1')),
    ),
    text: "CN=YE1,O=Let's Encrypt,C=US",
    common: 'YE1',
  },
  {
    name: 'characters that have a meaning in the text form',
    given: encodeName(' a,b+c"d\\e<f>g;h '),
    text: String.raw`CN=\ a\,b\+c\"d\\e\<f\>g\;h\ `,
    common: ' a,b+c"d\\e<f>g;h ',
  },
  { name: 'a leading number sign', given: encodeName('#1'), text: String.raw`CN=\#1`, common: '#1' },
  {
    name: 'control characters made visible',
    given: encodeName('a\u001b[31m\nb'),
    text: String.raw`CN=a\u{1b}[31m\u{a}b`,
    common: String.raw`a\u{1b}[31m\u{a}b`,
  },
  {
    name: 'UTF-16',
    given: sequence(relative(commonName, encodeDer(bmpStringTag, Uint8Array.of(0, 0x41, 0x20, 0xac)))),
    text: 'CN=A€',
    common: 'A€',
  },
  {
    name: 'several attributes in one part',
    given: sequence(
      encodeDer(tag.set, attribute(commonName, utf8String('x')), attribute('2.5.4.11', utf8String('y'))),
    ),
    text: 'CN=x+OU=y',
    common: 'x',
  },
  {
    name: 'an attribute that is neither known nor a string',
    given: sequence(relative('1.2.3', encodeDer(tag.integer, Uint8Array.of(5)))),
    text: '1.2.3=#020105',
    common: undefined,
  },
  {
    name: 'the last of two common names',
    given: sequence(relative(commonName, utf8String('first')), relative(commonName, utf8String('last'))),
    text: 'CN=last,CN=first',
    common: 'last',
  },
] as const

describe('readName', () => {
  for (const { name, given, text, common } of names) {
    it(`reads ${name}`, () => {
      const read = readName(parseDer(given))
      assert.equal(read.text, text)
      assert.equal(read.commonName, common)
      assert.deepEqual(read.der, given)
    })
  }

  const refused = [
    { name: 'a name that is no sequence', given: setOfOne(sequence()) },
    { name: 'an empty part', given: sequence(encodeDer(tag.set)) },
    {
      name: 'an attribute of three parts',
      given: sequence(setOfOne(sequence(oid(commonName), utf8String('x'), utf8String('y')))),
    },
    { name: 'an attribute without a value', given: sequence(setOfOne(sequence(oid(commonName)))) },
    {
      name: 'bytes that are not UTF-8',
      given: sequence(relative(commonName, encodeDer(tag.utf8String, Uint8Array.of(0xff)))),
    },
  ]
  for (const { name, given } of refused) {
    it(`refuses ${name}`, () => assert.throws(() => readName(parseDer(given)), formatError))
  }
})
