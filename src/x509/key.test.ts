import assert from 'node:assert/strict'
import { createPublicKey, ECDH, generateKeyPairSync, verify } from 'node:crypto'
import { describe, it } from 'node:test'
import {
  createSigner,
  generateAccountKey,
  generateKey,
  keyTypeOf,
  parsePrivateKeyPem,
  privateKeyPem,
  publicKeyDer,
  publicKeyFromDer,
  samePublicKey,
  signatureAlgorithmOf,
  signatureHashes,
} from './key.ts'
import { accountKeyAlgorithms, keyTypes } from './key-types.ts'

const formatError = { name: 'AppError', code: 'ERR_FORMAT' }
const p521 = generateKeyPairSync('ec', { namedCurve: 'P-521' })
const rsa1024 = generateKeyPairSync('rsa', { modulusLength: 1024 })
const rsaSmallExponent = generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 })

describe('certificate keys', () => {
  for (const type of keyTypes) {
    it(`${type}: generated, written, read, recognised`, async () => {
      const key = await generateKey(type)
      const read = parsePrivateKeyPem(privateKeyPem(key))
      assert.equal(keyTypeOf(read), type)
      assert.equal(keyTypeOf(createPublicKey(key)), type)
      assert.ok(signatureAlgorithmOf(key) !== undefined)
      assert.ok(samePublicKey(key, createPublicKey(read)))
      assert.deepEqual(publicKeyDer(key), publicKeyDer(createPublicKey(read)))
    })
  }

  it('does not recognise keys of other kinds', () => {
    const ed25519 = generateKeyPairSync('ed25519')
    for (const { privateKey } of [p521, rsa1024, rsaSmallExponent, ed25519]) {
      assert.equal(keyTypeOf(privateKey), undefined)
    }
  })
})

describe('account keys', () => {
  for (const algorithm of accountKeyAlgorithms) {
    it(`${algorithm}: signs in both encodings`, async () => {
      const signer = createSigner(await generateAccountKey(algorithm))
      assert.equal(signer.algorithm, algorithm)
      assert.equal(signer.publicKey.type, 'public')
      const content = Buffer.from('content')
      for (const [encoding, dsaEncoding] of [
        ['jose', 'ieee-p1363'],
        ['der', 'der'],
      ] as const) {
        const signature = await signer.sign(content, encoding)
        const key = { key: signer.publicKey, dsaEncoding }
        assert.ok(verify(signatureHashes[algorithm], content, key, signature), encoding)
        assert.ok(!verify(signatureHashes[algorithm], Buffer.from('contend'), key, signature), encoding)
      }
    })
  }

  it('has a fixed width in the encoding of JOSE', async () => {
    const signer = createSigner(await generateAccountKey('ES384'))
    assert.equal((await signer.sign(Uint8Array.of(), 'jose')).length, 96)
  })

  it('is not made of keys of other kinds, nor of public keys', async () => {
    const ed448 = generateKeyPairSync('ed448')
    for (const { privateKey } of [p521, rsa1024, rsaSmallExponent, ed448]) {
      assert.equal(signatureAlgorithmOf(privateKey), undefined)
      assert.throws(() => createSigner(privateKey), formatError)
    }
    assert.throws(() => createSigner(createPublicKey(p521.privateKey)), formatError)
    const { publicKey } = createSigner(await generateKey('ecdsa-p256'))
    assert.throws(() => createSigner(publicKey), formatError)
  })
})

describe('parsePrivateKeyPem', () => {
  const pkcs8 = privateKeyPem(p521.privateKey)

  for (const [name, given] of [
    ['PKCS#8', pkcs8],
    ['white space around it and CRLF', `\n  ${pkcs8.replaceAll('\n', '\r\n')}\n`],
    ['the older form of EC keys', p521.privateKey.export({ type: 'sec1', format: 'pem' }).toString()],
    ['the older form of RSA keys', rsa1024.privateKey.export({ type: 'pkcs1', format: 'pem' }).toString()],
  ] as const) {
    it(`reads ${name}`, () => assert.equal(parsePrivateKeyPem(given).type, 'private'))
  }

  const encrypted = p521.privateKey
    .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-128-cbc', passphrase: 'x' })
    .toString()
  for (const [name, given] of [
    ['no text', ''],
    ['a public key', p521.publicKey.export({ type: 'spki', format: 'pem' }).toString()],
    ['an encrypted key', encrypted],
    ['two keys', pkcs8 + pkcs8],
    ['text before the key', `x\n${pkcs8}`],
    ['a damaged key', pkcs8.replace(/\n.{10}/, '\nAAAAAAAAAA')],
  ] as const) {
    it(`refuses ${name} and shows nothing of it`, () => {
      const body = given.split('\n')[1] ?? 'nothing'
      assert.throws(() => parsePrivateKeyPem(given), formatError)
      assert.throws(
        () => parsePrivateKeyPem(given),
        ({ message }: Error) => !message.includes(body),
      )
    })
  }
})

describe('public keys', () => {
  it('differ when the keys differ', async () => {
    const [one, other] = [await generateKey('ecdsa-p256'), await generateKey('ecdsa-p256')]
    assert.ok(!samePublicKey(one, other))
    assert.ok(!samePublicKey(one, await generateAccountKey('EdDSA')))
  })

  it('are the same when one is written with a compressed point', async () => {
    const key = await generateKey('ecdsa-p256')
    const der = Buffer.from(publicKeyDer(key))
    const point = ECDH.convertKey(der.subarray(-65), 'prime256v1', undefined, undefined, 'compressed')
    const compressed = Buffer.concat([der.subarray(0, -65), Buffer.from(point)])
    compressed[1] = compressed.length - 2
    compressed[der.length - 65 - 2] = point.length + 1
    assert.ok(samePublicKey(publicKeyFromDer(compressed), key))
  })

  it('refuses a point that is not on the curve', async () => {
    const der = Buffer.from(publicKeyDer(await generateKey('ecdsa-p256')))
    der[der.length - 1] = (der.at(-1) ?? 0) ^ 1
    assert.throws(() => publicKeyFromDer(der), formatError)
  })
})
