import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KeyType } from '../x509/key-types.ts'
import { defineCertificate } from './define.ts'
import { inPairs, makePair, pairedKeyTypes } from './pair.ts'

const authority = { id: 'ca', directory: 'https://ca.example/directory' }
const spec = defineCertificate({ identifiers: ['a.example'], authority })
const keyTypes = { ecdsa: 'ecdsa-p384', rsa: 'rsa-3072' } as const

test('a pair is two certificates that know each other', () => {
  const pair = makePair(spec, keyTypes)
  assert.deepEqual(
    pair?.map(({ name, keyType, pair: other }) => [name, keyType, other]),
    [
      ['a.example', 'ecdsa-p384', 'a.example-rsa'],
      ['a.example-rsa', 'rsa-3072', 'a.example'],
    ],
  )
})

test('a name with which the other one would be too long has no pair', () => {
  const long = defineCertificate({ identifiers: ['a.example'], authority, name: 'a'.repeat(198) })
  assert.equal(makePair(long, keyTypes), undefined)
})

for (const { given, expected } of [
  { given: ['ecdsa-p256', 'rsa-2048'], expected: { ecdsa: 'ecdsa-p256', rsa: 'rsa-2048' } },
  { given: ['rsa-4096', 'ecdsa-p384'], expected: { ecdsa: 'ecdsa-p384', rsa: 'rsa-4096' } },
  { given: ['rsa-2048', 'rsa-4096'], expected: undefined },
  { given: ['ecdsa-p256'], expected: undefined },
  { given: ['ecdsa-p256', 'rsa-2048', 'rsa-4096'], expected: undefined },
] satisfies readonly { given: readonly KeyType[]; expected: unknown }[]) {
  test(`${given.join(' and ')} are ${expected === undefined ? 'no' : 'a'} pair`, () => {
    assert.deepEqual(pairedKeyTypes(given), expected)
  })
}

test('those of a pair come together, the ECDSA one first, whatever the order', () => {
  const [first, second] = makePair(spec, keyTypes) ?? assert.fail()
  const other = defineCertificate({ identifiers: ['b.example'], authority })
  const named = (specs: (typeof spec)[]) =>
    inPairs(specs.map(one => ({ spec: one }))).map(together => together.map(one => one.spec.name))
  assert.deepEqual(named([second, other, first]), [['b.example'], ['a.example', 'a.example-rsa']])
  assert.deepEqual(named([second]), [['a.example-rsa']], 'alone where the other one is not asked for')
})
