import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseIdentifier } from '../../../acme/identifier.ts'
import { instant } from '../../../base/instant.ts'
import { testAuthority } from '../../../testing/test-authority.ts'
import { pairProblem } from './pair.ts'

const authority = await testAuthority(instant(Date.UTC(2026, 10, 1)))
const one = await authority.issue([parseIdentifier('a.test')])
const other = await authority.issue([parseIdentifier('a.test')])
const encrypted = one.key.replaceAll('PRIVATE', 'ENCRYPTED PRIVATE')

for (const [name, certificate, key, problem] of [
  ['two files', one.cert, one.key, undefined],
  ['one file, the key first', one.key + one.cert, one.key + one.cert, undefined],
  ['words around them', `subject=\n${one.cert}`, `Bag\n${one.key}`, undefined],
  ['an encrypted key, of which nothing can be told', one.cert, encrypted, undefined],
  ['the key of another', one.cert, other.key, 'the key does not belong to the certificate'],
  ['no certificate', undefined, one.key, 'the certificate is missing'],
  ['no key', one.cert, undefined, 'the key is missing'],
  ['files mixed up', one.key, one.cert, 'there is no private key where one should be'],
  ['a key in both', one.key, one.key, 'there is no certificate where one should be'],
  [
    'a key cut off',
    one.cert,
    one.key.replace(/[A-Za-z0-9+/]{20}=*\n-----END/, '\n-----END'),
    'certificate or key cannot be read',
  ],
] as const)
  test(`a pair: ${name}`, () => assert.equal(pairProblem({ certificate, key }), problem))
