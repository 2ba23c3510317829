import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { describe, it } from 'node:test'
import { parseDer } from './der.ts'
import { derNull, oid, sequence } from './der-writer.ts'
import { generateAccountKey, generateKey, publicKeyDer, publicKeyFromDer } from './key.ts'
import { readSigned, signDer, verifySigned } from './signature.ts'

const content = sequence(oid('1.2.3'))
const keys = {
  p256: await generateKey('ecdsa-p256'),
  p384: await generateKey('ecdsa-p384'),
  rsa: await generateKey('rsa-2048'),
  ed25519: await generateAccountKey('EdDSA'),
}
const names = Object.keys(keys) as readonly (keyof typeof keys)[] // Object.keys forgets the type
const publicOf = (name: keyof typeof keys) => publicKeyFromDer(publicKeyDer(keys[name]))

describe('signatures in DER', () => {
  for (const name of names) {
    it(`by ${name} are verified with its key and no other`, () => {
      const { signed } = readSigned(parseDer(signDer(keys[name], () => content)), 'thing')
      assert.deepEqual(signed.content, content)
      for (const other of names) assert.equal(verifySigned(signed, publicOf(other)), other === name, other)
    })
  }

  const ecdsaWithSha512 = sequence(oid('1.2.840.10045.4.3.4'))
  const cases = [
    {
      name: 'ECDSA with SHA-512',
      key: 'p256',
      hash: 'sha512',
      algorithmDer: ecdsaWithSha512,
      expected: true,
    },
    {
      name: 'RSA with SHA-512',
      key: 'rsa',
      hash: 'sha512',
      algorithmDer: sequence(oid('1.2.840.113549.1.1.13'), derNull),
      expected: true,
    },
    {
      name: 'an RSA signature under the name of ECDSA',
      key: 'rsa',
      hash: 'sha512',
      algorithmDer: ecdsaWithSha512,
      expected: false,
    },
    {
      name: 'RSA without its parameters',
      key: 'rsa',
      hash: 'sha512',
      algorithmDer: sequence(oid('1.2.840.113549.1.1.13')),
      expected: false,
    },
    {
      name: 'RSA with SHA-1',
      key: 'rsa',
      hash: 'sha1',
      algorithmDer: sequence(oid('1.2.840.113549.1.1.5'), derNull),
      expected: false,
    },
    {
      name: 'ECDSA with SHA-1',
      key: 'p256',
      hash: 'sha1',
      algorithmDer: sequence(oid('1.2.840.10045.4.1')),
      expected: false,
    },
  ] as const
  for (const { name, key, hash, algorithmDer, expected } of cases) {
    it(`${expected ? 'accepts' : 'refuses'} ${name}`, () => {
      const signed = { content, algorithmDer, signature: new Uint8Array(sign(hash, content, keys[key])) }
      assert.equal(verifySigned(signed, publicOf(key)), expected)
    })
  }

  it('are not made with keys of other kinds', () => {
    const { privateKey } = generateKeyPairSync('ed448')
    assert.throws(() => signDer(privateKey, () => content), { name: 'AppError', code: 'ERR_FORMAT' })
  })
})
