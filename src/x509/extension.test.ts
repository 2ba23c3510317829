import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseDer, tag } from './der.ts'
import {
  derNull,
  derTrue,
  encodeDer,
  namedBits,
  octetString,
  oid,
  sequence,
  smallInteger,
} from './der-writer.ts'
import {
  encodeExtension,
  readAuthorityKeyIdentifier,
  readBasicConstraints,
  readExtendedKeyUsages,
  readExtensions,
  readKeyUsage,
} from './extension.ts'

const formatError = { name: 'AppError', code: 'ERR_FORMAT' }
const derFalse = encodeDer(tag.boolean, Uint8Array.of(0))

describe('extensions', () => {
  it('are read as they were written', () => {
    const extensions = sequence(
      encodeExtension('1.2.3', derNull, { critical: true }),
      encodeExtension('1.2.4', derTrue),
    )
    assert.deepEqual(
      [...readExtensions(parseDer(extensions)).values()],
      [
        { oid: '1.2.3', critical: true, value: derNull },
        { oid: '1.2.4', critical: false, value: derTrue },
      ],
    )
  })

  const accepted: readonly {
    readonly name: string
    readonly read: () => unknown
    readonly expected: unknown
  }[] = [
    {
      name: 'empty basic constraints',
      read: () => readBasicConstraints(sequence()),
      expected: { isCa: false, pathLength: undefined },
    },
    {
      name: 'basic constraints with FALSE written out',
      read: () => readBasicConstraints(sequence(derFalse)),
      expected: { isCa: false, pathLength: undefined },
    },
    {
      name: 'a CA with a path length',
      read: () => readBasicConstraints(sequence(derTrue, smallInteger(0))),
      expected: { isCa: true, pathLength: 0 },
    },
    {
      name: 'the first and the last key usage',
      read: () => readKeyUsage(namedBits([0, 8])),
      expected: ['digitalSignature', 'decipherOnly'],
    },
    {
      name: 'a key usage that RFC 5280 does not know',
      read: () => readKeyUsage(namedBits([5, 9])),
      expected: ['keyCertSign'],
    },
    {
      name: 'an authority that is named without a key identifier',
      read: () => readAuthorityKeyIdentifier(sequence(encodeDer(0xa1))),
      expected: undefined,
    },
  ]
  for (const { name, read, expected } of accepted)
    it(`reads ${name}`, () => assert.deepEqual(read(), expected))

  const refused: readonly { readonly name: string; readonly read: () => unknown }[] = [
    {
      name: 'an extension twice',
      read: () =>
        readExtensions(
          parseDer(sequence(encodeExtension('1.2.3', derNull), encodeExtension('1.2.3', derTrue))),
        ),
    },
    {
      name: 'an extension with a part too much',
      read: () => readExtensions(parseDer(sequence(sequence(oid('1.2.3'), octetString(derNull), derNull)))),
    },
    {
      name: 'an extension without a value',
      read: () => readExtensions(parseDer(sequence(sequence(oid('1.2.3'))))),
    },
    { name: 'a path length of what is no CA', read: () => readBasicConstraints(sequence(smallInteger(0))) },
    {
      name: 'a path length of what is no CA by its word',
      read: () => readBasicConstraints(sequence(derFalse, smallInteger(0))),
    },
    {
      name: 'a third basic constraint',
      read: () => readBasicConstraints(sequence(derTrue, smallInteger(0), derNull)),
    },
    {
      name: 'a negative path length',
      read: () => readBasicConstraints(sequence(derTrue, encodeDer(tag.integer, Uint8Array.of(0xff)))),
    },
    { name: 'no extended key usage', read: () => readExtendedKeyUsages(sequence()) },
    {
      name: 'an extended key usage that is no identifier',
      read: () => readExtendedKeyUsages(sequence(derNull)),
    },
  ]
  for (const { name, read } of refused) it(`refuses ${name}`, () => assert.throws(read, formatError))
})
