import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import * as jose from 'jose'
import { isAppError } from '../base/errors.ts'
import { generateAccountKey, samePublicKey } from '../x509/key.ts'
import { accountKeyAlgorithms } from '../x509/key-types.ts'
import { keyFromJwk, publicJwk } from './jwk.ts'
import { thumbprint } from './thumbprint.ts'

const formatError = { name: 'AppError', code: 'ERR_FORMAT' }
const keys = new Map<string, KeyObject>()
for (const algorithm of accountKeyAlgorithms) keys.set(algorithm, await generateAccountKey(algorithm))

describe('JSON Web Keys', () => {
  for (const [algorithm, key] of keys) {
    it(`${algorithm}: written as another library writes them, without the private part`, async () => {
      const theirs = await jose.exportJWK(createPublicKey(key))
      assert.deepEqual({ ...publicJwk(key) }, { ...theirs })
      assert.deepEqual(publicJwk(createPublicKey(key)), publicJwk(key))
      assert.deepEqual(Object.keys(publicJwk(key)), Object.keys(publicJwk(key)).toSorted())
      assert.ok(samePublicKey(keyFromJwk(theirs), key))
    })

    it(`${algorithm}: thumbprint as another library computes it`, async () => {
      assert.equal(
        thumbprint(key),
        await jose.calculateJwkThumbprint(await jose.exportJWK(createPublicKey(key))),
      )
    })
  }

  it('ignores members that are not of the key', () => {
    const key = keyFromJwk({ ...jwkOf('ES256'), kid: 'x', use: 'sig', alg: 'ES256', d2: 1 })
    assert.ok(samePublicKey(key, keyOf('ES256')))
  })

  const ec = jwkOf('ES256')
  const rsa = jwkOf('RS256')
  const okp = jwkOf('EdDSA')
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url')
  const octets = (value = ''): Uint8Array => new Uint8Array(Buffer.from(value, 'base64url'))
  const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' })
  const refused: readonly { readonly name: string; readonly given: unknown }[] = [
    { name: 'no object', given: 'key' },
    { name: 'null', given: null },
    { name: 'a list', given: [ec] },
    { name: 'no kty', given: { ...ec, kty: undefined } },
    { name: 'a symmetric key', given: { kty: 'oct', k: 'AAAA' } },
    { name: 'a private EC key', given: keyOf('ES256').export({ format: 'jwk' }) },
    { name: 'a private RSA key', given: keyOf('RS256').export({ format: 'jwk' }) },
    { name: 'a curve that is not accepted', given: { ...ec, crv: 'P-521' } },
    { name: 'a curve of another kty', given: { ...ec, crv: 'Ed25519' } },
    { name: 'a width of another curve', given: { ...ec, crv: 'P-384' } },
    { name: 'X25519', given: { ...okp, crv: 'X25519' } },
    { name: 'a missing coordinate', given: { ...ec, y: undefined } },
    { name: 'a coordinate that is no text', given: { ...ec, y: 5 } },
    { name: 'a point that is not on the curve', given: { ...ec, y: ec.x } },
    {
      name: 'a coordinate with a leading zero too much',
      given: { ...ec, x: text(Uint8Array.of(0, ...octets(ec.x))) },
    },
    { name: 'a coordinate that is too short', given: { ...ec, x: text(octets(ec.x).subarray(1)) } },
    { name: 'a padded coordinate', given: { ...ec, x: `${ec.x}=` } },
    { name: 'a coordinate in base64', given: { ...ec, x: `${ec.x?.slice(0, 42)}+` } },
    { name: 'a modulus with a leading zero', given: { ...rsa, n: text(Uint8Array.of(0, ...octets(rsa.n))) } },
    { name: 'an exponent with a leading zero', given: { ...rsa, e: 'AAEAAQ' } },
    { name: 'an empty exponent', given: { ...rsa, e: '' } },
    { name: 'the exponent 1', given: { ...rsa, e: 'AQ' } },
    { name: 'an even exponent', given: { ...rsa, e: 'AQAC' } },
    { name: 'an exponent as long as the modulus', given: { ...rsa, e: rsa.n } },
    { name: 'an RSA key of 1024 bits', given: small },
    { name: 'an RSA key of 16384 bits', given: { ...rsa, n: text(new Uint8Array(2048).fill(0xff)) } },
  ]
  for (const { name, given } of refused) {
    it(`refuses ${name}`, () => assert.throws(() => keyFromJwk(given), formatError))
  }

  it('refuses to write a key of a kind that accounts do not have', () => {
    assert.throws(() => publicJwk(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey), formatError)
    assert.throws(() => publicJwk(generateKeyPairSync('ec', { namedCurve: 'P-521' }).publicKey), formatError)
    assert.throws(() => thumbprint(generateKeyPairSync('ed448').publicKey), formatError)
  })

  it('refuses random values with ERR_FORMAT and nothing else', () => {
    const member = fc.oneof(
      fc.string(),
      fc.uint8Array({ minLength: 32, maxLength: 32 }).map(text),
      fc.jsonValue(),
    )
    const kinds = fc.constantFrom('EC', 'RSA', 'OKP', 'oct')
    const curves = fc.constantFrom('P-256', 'P-384', 'Ed25519')
    const values = fc.record({ kty: kinds, crv: curves, x: member, y: member, n: member, e: member })
    fc.assert(
      fc.property(values, value => {
        try {
          keyFromJwk(value) // 32 random octets often are an Ed25519 key
        } catch (error) {
          assert.ok(isAppError(error, 'ERR_FORMAT'), String(error))
        }
      }),
      { numRuns: 500 },
    )
  })
})

describe('thumbprint', () => {
  // RFC 8037 A.3 and RFC 7638 §3.1
  const cases = [
    {
      jwk: { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' },
      expected: 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k',
    },
    {
      jwk: {
        kty: 'RSA',
        n: '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw',
        e: 'AQAB',
        alg: 'RS256',
        kid: '2011-04-29',
      },
      expected: 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs',
    },
  ]
  for (const { jwk, expected } of cases) {
    it(`of the ${jwk.kty} example is ${expected}`, () => assert.equal(thumbprint(keyFromJwk(jwk)), expected))
  }
})

function keyOf(algorithm: string): KeyObject {
  const key = keys.get(algorithm)
  assert.ok(key !== undefined)
  return key
}

function jwkOf(algorithm: string) {
  return createPublicKey(keyOf(algorithm)).export({ format: 'jwk' })
}
