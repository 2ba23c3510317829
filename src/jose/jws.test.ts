import assert from 'node:assert/strict'
import type { KeyObject } from 'node:crypto'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import * as jose from 'jose'
import { isAppError } from '../base/errors.ts'
import { createSigner, generateAccountKey } from '../x509/key.ts'
import { accountKeyAlgorithms, type SignatureAlgorithm } from '../x509/key-types.ts'
import { keyFromJwk, publicJwk } from './jwk.ts'
import { createJws, parseJws, signJws, verifyJws } from './jws.ts'

const formatError = { name: 'AppError', code: 'ERR_FORMAT' }
const url = 'https://ca.example/new-order'
const account = 'https://ca.example/account/1'
const keys = {
  ES256: await generateAccountKey('ES256'),
  ES384: await generateAccountKey('ES384'),
  RS256: await generateAccountKey('RS256'),
  EdDSA: await generateAccountKey('EdDSA'),
} satisfies Record<SignatureAlgorithm, KeyObject>

describe('signJws', () => {
  for (const algorithm of accountKeyAlgorithms) {
    const signer = createSigner(keys[algorithm])

    it(`${algorithm}: another library verifies what we sign`, async () => {
      const jws = JSON.parse(await signJws({ a: 'ü' }, { signer, url, nonce: 'n', kid: account }))
      const { payload, protectedHeader } = await jose.flattenedVerify(jws, signer.publicKey)
      assert.deepEqual(JSON.parse(Buffer.from(payload).toString()), { a: 'ü' })
      assert.deepEqual({ ...protectedHeader }, { alg: algorithm, nonce: 'n', url, kid: account })
    })

    it(`${algorithm}: we verify what another library signs`, async () => {
      const signed = await new jose.FlattenedSign(Buffer.from('{}'))
        .setProtectedHeader({ alg: algorithm, url, jwk: publicJwk(signer.publicKey) })
        .sign(keys[algorithm])
      const jws = parseJws(signed)
      assert.ok(verifyJws(jws, signer.publicKey))
    })
  }

  const signer = createSigner(keys.ES256)

  it('carries the public key where there is no account yet', async () => {
    const { header } = parseJws(await createJws({}, { signer, url, nonce: 'n' }))
    assert.deepEqual(header, { alg: 'ES256', nonce: 'n', url, jwk: publicJwk(signer.publicKey) })
    assert.ok(verifyJws(parseJws(await createJws({}, { signer, url })), keyFromJwk(header.jwk)))
  })

  it('has an empty payload for a POST-as-GET, and {} for an empty object', async () => {
    assert.equal((await createJws('', { signer, url, kid: account })).payload, '')
    assert.equal((await createJws({}, { signer, url, kid: account })).payload, 'e30')
    assert.equal(parseJws(await createJws('', { signer, url, kid: account })).payload.length, 0)
  })

  it('leaves out the nonce of an inner signature', async () => {
    assert.ok(!('nonce' in parseJws(await createJws({}, { signer, url })).header))
  })
})

describe('parseJws', () => {
  const encode = (value: unknown): string =>
    Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
  const header = { alg: 'ES256', url, nonce: 'n', kid: account }
  const good = { protected: encode(header), payload: 'e30', signature: 'AAAA' }
  const withHeader = (changes: object) => ({ ...good, protected: encode({ ...header, ...changes }) })
  const { kid: _kid, ...anonymous } = header
  const jwk = publicJwk(keys.ES256)

  it('reads a good one', () => {
    assert.deepEqual(parseJws(good).header, header)
    assert.deepEqual(parseJws({ ...good, protected: encode({ ...anonymous, jwk }) }).header, {
      ...anonymous,
      jwk,
    })
  })

  it('ignores members and header parameters that it does not know', () => {
    assert.deepEqual(parseJws({ ...withHeader({ typ: 'x' }), other: 1 }).header, header)
  })

  const refused: readonly { readonly name: string; readonly given: unknown }[] = [
    { name: 'null', given: null },
    { name: 'text (the compact form)', given: `${good.protected}.${good.payload}.${good.signature}` },
    { name: 'a list', given: [good] },
    { name: 'an unprotected header', given: { ...good, header: {} } },
    { name: 'the general form', given: { payload: 'e30', signatures: [good] } },
    { name: 'the general form beside the flattened one', given: { ...good, signatures: [] } },
    { name: 'no protected header', given: { ...good, protected: undefined } },
    { name: 'an empty protected header', given: { ...good, protected: '' } },
    { name: 'no payload', given: { ...good, payload: undefined } },
    { name: 'a payload that is no text', given: { ...good, payload: {} } },
    { name: 'no signature', given: { ...good, signature: undefined } },
    { name: 'a padded header', given: { ...good, protected: `${encode('{} ')}=` } },
    { name: 'a padded payload', given: { ...good, payload: 'e30=' } },
    { name: 'a padded signature', given: { ...good, signature: 'AA==' } },
    { name: 'a signature with bits left over', given: { ...good, signature: 'AB' } },
    { name: 'a payload in base64', given: { ...good, payload: '+/+/' } },
    { name: 'a header that is no JSON', given: { ...good, protected: encode('{') } },
    { name: 'a header that is a list', given: { ...good, protected: encode([header]) } },
    {
      name: 'a header with a parameter twice',
      given: { ...good, protected: encode(`{"alg":"ES256",${JSON.stringify(header).slice(1)}`) },
    },
    { name: 'crit', given: withHeader({ crit: ['x'], x: 1 }) },
    { name: 'an empty crit', given: withHeader({ crit: [] }) },
    { name: 'b64', given: withHeader({ b64: false }) },
    { name: 'b64 that changes nothing', given: withHeader({ b64: true }) },
    { name: 'no alg', given: withHeader({ alg: undefined }) },
    { name: 'alg that is no text', given: withHeader({ alg: ['ES256'] }) },
    { name: 'no url', given: withHeader({ url: undefined }) },
    { name: 'url that is no text', given: withHeader({ url: 1 }) },
    { name: 'a nonce that is no text', given: withHeader({ nonce: 1 }) },
    { name: 'a nonce that is null', given: withHeader({ nonce: null }) },
    { name: 'neither jwk nor kid', given: withHeader({ kid: undefined }) },
    { name: 'both jwk and kid', given: withHeader({ jwk }) },
    { name: 'kid and a jwk that is null', given: withHeader({ jwk: null }) },
    { name: 'kid that is no text', given: withHeader({ kid: 1 }) },
    { name: 'jwk that is no object', given: withHeader({ kid: undefined, jwk: 'x' }) },
  ]
  for (const { name, given } of refused) {
    it(`refuses ${name}`, () => assert.throws(() => parseJws(given), formatError))
  }

  for (const alg of ['none', 'None', 'HS256', 'ES512', 'PS256', 'RS1', 'es256', '']) {
    it(`refuses the algorithm "${alg}" by a code of its own`, () => {
      assert.throws(() => parseJws(withHeader({ alg })), {
        name: 'AppError',
        code: 'ERR_SIGNATURE_ALGORITHM',
      })
    })
  }

  it('refuses random values with an AppError and nothing else', () => {
    const part = fc.oneof(
      fc.string(),
      fc.json().map(encode),
      fc.object().map(encode),
      fc.constant(good.protected),
    )
    const values = fc.oneof(fc.jsonValue(), fc.record({ protected: part, payload: part, signature: part }))
    fc.assert(
      fc.property(values, value => {
        try {
          parseJws(value)
        } catch (error) {
          assert.ok(isAppError(error, 'ERR_FORMAT', 'ERR_SIGNATURE_ALGORITHM'), String(error))
        }
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('verifyJws', () => {
  it('refuses another key, another algorithm and any damage', async () => {
    for (const algorithm of accountKeyAlgorithms) {
      const signer = createSigner(keys[algorithm])
      const jws = parseJws(await createJws({ a: 1 }, { signer, url, kid: account }))
      assert.ok(verifyJws(jws, signer.publicKey))
      const damaged = (bytes: Uint8Array): Uint8Array =>
        new Uint8Array(bytes).with(bytes.length - 1, (bytes.at(-1) ?? 0) ^ 1)
      assert.ok(!verifyJws({ ...jws, signature: damaged(jws.signature) }, signer.publicKey))
      assert.ok(!verifyJws({ ...jws, signature: Uint8Array.of() }, signer.publicKey))
      assert.ok(!verifyJws({ ...jws, signature: jws.signature.subarray(1) }, signer.publicKey))
      assert.ok(!verifyJws({ ...jws, signingInput: damaged(jws.signingInput) }, signer.publicKey))
      for (const other of accountKeyAlgorithms) {
        assert.equal(verifyJws(jws, createSigner(keys[other]).publicKey), other === algorithm)
        const renamed = { ...jws, header: { ...jws.header, alg: other } }
        assert.equal(verifyJws(renamed, signer.publicKey), other === algorithm)
      }
    }
  })

  it('refuses a DER signature where JOSE wants r and s', async () => {
    const signer = createSigner(keys.ES256)
    const jws = parseJws(await createJws({}, { signer, url, kid: account }))
    assert.ok(!verifyJws({ ...jws, signature: await signer.sign(jws.signingInput, 'der') }, signer.publicKey))
  })
})
