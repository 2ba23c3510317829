import assert from 'node:assert/strict'
import { createPublicKey, type KeyObject } from 'node:crypto'
import { before, describe, it } from 'node:test'
import * as fc from 'fast-check'
import * as jose from 'jose'
import { generateAccountKey } from '../x509/key.ts'
import {
  macAlgorithms,
  parseExternalAccountBinding,
  parseHmacKey,
  signExternalAccountBinding,
  verifyExternalAccountBinding,
} from './external-account-binding.ts'
import { publicJwk } from './jwk.ts'

const formatError = { name: 'AppError', code: 'ERR_FORMAT' }
const url = 'https://ca.example/new-account'
const keyId = 'key-1'
const hmacKey = new Uint8Array(64).fill(7)

describe('external account binding', () => {
  let accountKey: KeyObject
  before(async () => {
    accountKey = await generateAccountKey('ES256')
  })

  for (const algorithm of macAlgorithms) {
    it(`${algorithm}: another library verifies what we sign, and we what it signs`, async () => {
      const ours = signExternalAccountBinding({ keyId, hmacKey, algorithm, url, accountKey })
      const { payload, protectedHeader } = await jose.flattenedVerify(ours, hmacKey)
      assert.deepEqual(JSON.parse(Buffer.from(payload).toString()), publicJwk(accountKey))
      assert.deepEqual({ ...protectedHeader }, { alg: algorithm, kid: keyId, url })

      const content = JSON.stringify(await jose.exportJWK(createPublicKey(accountKey)))
      const theirs = await new jose.FlattenedSign(Buffer.from(content))
        .setProtectedHeader({ alg: algorithm, kid: keyId, url })
        .sign(hmacKey)
      const binding = parseExternalAccountBinding(theirs)
      assert.equal(binding.keyId, keyId)
      assert.equal(binding.algorithm, algorithm)
      assert.ok(verifyExternalAccountBinding(binding, { hmacKey, url, accountKey }))
    })
  }

  it('uses HS256 unless told otherwise', () => {
    const binding = parseExternalAccountBinding(
      signExternalAccountBinding({ keyId, hmacKey, url, accountKey }),
    )
    assert.equal(binding.algorithm, 'HS256')
  })

  it('is not verified with another MAC key, URL or account key, nor when damaged', async () => {
    const binding = parseExternalAccountBinding(
      signExternalAccountBinding({ keyId, hmacKey, url, accountKey }),
    )
    const right = { hmacKey, url, accountKey }
    assert.ok(verifyExternalAccountBinding(binding, right))
    assert.ok(!verifyExternalAccountBinding(binding, { ...right, hmacKey: hmacKey.with(0, 8) }))
    assert.ok(!verifyExternalAccountBinding(binding, { ...right, url: `${url}/` }))
    const otherKey = await generateAccountKey('ES256')
    assert.ok(!verifyExternalAccountBinding(binding, { ...right, accountKey: otherKey }))
    assert.ok(!verifyExternalAccountBinding({ ...binding, algorithm: 'HS384' }, right))
    for (const signature of [
      Uint8Array.of(),
      binding.signature.subarray(1),
      binding.signature.with(0, (binding.signature[0] ?? 0) ^ 1),
    ]) {
      assert.ok(!verifyExternalAccountBinding({ ...binding, signature }, right))
    }
  })

  it('is not verified when what it binds is no key', async () => {
    const jws = await new jose.FlattenedSign(Buffer.from('{"kty":"EC"}'))
      .setProtectedHeader({ alg: 'HS256', kid: keyId, url })
      .sign(hmacKey)
    assert.ok(!verifyExternalAccountBinding(parseExternalAccountBinding(jws), { hmacKey, url, accountKey }))
  })

  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const header = { alg: 'HS256', kid: keyId, url }
  for (const [name, changes] of [
    ['a nonce', { nonce: 'n' }],
    ['a jwk', { jwk: {} }],
    ['no kid', { kid: undefined }],
    ['no url', { url: undefined }],
    ['crit', { crit: ['url'] }],
  ] as const) {
    it(`with ${name} is refused`, () => {
      const value = { protected: encode({ ...header, ...changes }), payload: 'e30', signature: 'AAAA' }
      assert.throws(() => parseExternalAccountBinding(value), formatError)
    })
  }
  for (const alg of ['none', 'ES256', 'HS1', undefined]) {
    it(`with the algorithm ${alg} is refused by a code of its own`, () => {
      const value = { protected: encode({ ...header, alg }), payload: 'e30', signature: 'AAAA' }
      assert.throws(() => parseExternalAccountBinding(value), {
        name: 'AppError',
        code: 'ERR_SIGNATURE_ALGORITHM',
      })
    })
  }
})

describe('parseHmacKey', () => {
  it('reads all four ways in which CAs show keys', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 70 }), bytes => {
        const base64 = Buffer.from(bytes).toString('base64')
        const base64url = Buffer.from(bytes).toString('base64url')
        const padding = '='.repeat(base64.length - base64url.length)
        for (const text of [
          base64,
          base64url,
          base64.replace(/=+$/, ''),
          base64url + padding,
          ` ${base64}\n`,
        ]) {
          assert.deepEqual(parseHmacKey(text), new Uint8Array(bytes))
        }
      }),
    )
  })

  for (const given of ['', '=', 'A', 'AB', 'A A', 'AAAA"', 'AAA===', 'AÄAA']) {
    it(`refuses "${given}" without showing it`, () => {
      assert.throws(() => parseHmacKey(given), formatError)
      assert.throws(
        () => parseHmacKey(given),
        ({ message }: Error) => given.length < 2 || !message.includes(given),
      )
    })
  }
})
