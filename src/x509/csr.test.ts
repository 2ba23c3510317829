import 'reflect-metadata'
import assert from 'node:assert/strict'
import { type KeyObject, webcrypto } from 'node:crypto'
import { before, describe, it } from 'node:test'
import * as x509 from '@peculiar/x509'
import * as fc from 'fast-check'
import * as pkijs from 'pkijs'
import type { Identifier } from '../acme/identifier.ts'
import { isAppError } from '../base/errors.ts'
import { createCsr, parseCsr } from './csr.ts'
import { parseDer, tag } from './der.ts'
import { encodeDer, explicit, implicit, oid, sequence, setOfOne, smallInteger } from './der-writer.ts'
import { encodeExtension } from './extension.ts'
import { generateAccountKey, generateKey, publicKeyDer, samePublicKey } from './key.ts'
import { keyTypes } from './key-types.ts'
import { encodeName } from './name.ts'
import { oids } from './oids.ts'
import { signDer } from './signature.ts'

const formatError = { name: 'AppError', code: 'ERR_FORMAT' }
const identifiers: readonly Identifier[] = [
  { type: 'dns', value: 'example.com' },
  { type: 'dns', value: '*.example.com' },
  { type: 'ip', value: '192.0.2.1' },
  { type: 'ip', value: '2001:db8::1' },
]

describe('createCsr', () => {
  for (const type of keyTypes) {
    it(`${type}: is read and verified by us and by two other libraries`, async () => {
      const key = await generateKey(type)
      const der = createCsr(identifiers, key)
      const ours = parseCsr(der)
      assert.ok(samePublicKey(ours.publicKey, key))
      assert.deepEqual(ours.identifiers, identifiers)

      assert.ok(await pkijs.CertificationRequest.fromBER(toArrayBuffer(der)).verify())
      const theirs = new x509.Pkcs10CertificateRequest(toArrayBuffer(der))
      assert.ok(await theirs.verify())
      assert.equal(theirs.subject, '')
      const extension = theirs.extensions.find(each => each instanceof x509.SubjectAlternativeNameExtension)
      const names = extension?.names.toJSON() ?? []
      assert.deepEqual(
        names.map(({ value }) => value),
        identifiers.map(({ value }) => value),
      )
    })
  }
})

describe('must-staple', () => {
  it('is asked for as another library reads it, and not otherwise', async () => {
    const key = await generateKey('ecdsa-p256')
    const feature = (der: Uint8Array) =>
      new x509.Pkcs10CertificateRequest(toArrayBuffer(der)).getExtension(oids.tlsFeature)?.value
    // SEQUENCE { INTEGER 5 }
    const wanted = feature(createCsr(identifiers, key, { mustStaple: true }))
    assert.equal(Buffer.from(wanted ?? new ArrayBuffer()).toString('hex'), '3003020105')
    assert.equal(feature(createCsr(identifiers, key)), undefined)
  })
})

describe('parseCsr', () => {
  let key: KeyObject
  before(async () => {
    key = await generateKey('ecdsa-p256')
  })

  it('reads what another library wrote', async () => {
    const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
    const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
    const request = await x509.Pkcs10CertificateRequestGenerator.create({
      name: 'CN=Example.com, O=Example',
      keys,
      signingAlgorithm: algorithm,
      attributes: [new x509.ChallengePasswordAttribute('password')],
      extensions: [
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature),
        new x509.SubjectAlternativeNameExtension([
          { type: 'dns', value: 'www.example.com' },
          { type: 'dns', value: 'example.com' },
          { type: 'ip', value: '192.0.2.1' },
        ]),
      ],
    })
    const expected = ['example.com', 'www.example.com', '192.0.2.1']
    const parsed = parseCsr(new Uint8Array(request.rawData))
    assert.deepEqual(
      parsed.identifiers.map(({ value }) => value),
      expected,
    )
  })

  it('verifies an Ed25519 request', async () => {
    const ed25519 = await generateAccountKey('EdDSA')
    assert.deepEqual(parseCsr(createCsr(identifiers, ed25519)).identifiers, identifiers)
  })

  const dns = (name: string): Uint8Array => implicit(2, Buffer.from(name, 'latin1'))
  const withNames = (...names: readonly Uint8Array[]): Uint8Array =>
    extensionRequest(encodeExtension(oids.subjectAltName, sequence(...names)))
  const extensionRequest = (...extensions: readonly Uint8Array[]): Uint8Array =>
    sequence(oid(oids.extensionRequest), setOfOne(sequence(...extensions)))
  const handmade = ({
    version = 0,
    commonName,
    attributes = [],
    extra = [],
  }: {
    readonly version?: number
    readonly commonName?: string
    readonly attributes?: readonly Uint8Array[]
    readonly extra?: readonly Uint8Array[]
  }): Uint8Array => {
    const name = encodeName(commonName)
    const body = sequence(
      smallInteger(version),
      name,
      publicKeyDer(key),
      explicit(0, ...attributes),
      ...extra,
    )
    return signDer(key, () => body)
  }

  const accepted = [
    { name: 'a common name alone', given: { commonName: 'a.example' }, expected: ['a.example'] },
    { name: 'an address as common name', given: { commonName: '192.0.2.1' }, expected: ['192.0.2.1'] },
    { name: 'upper case', given: { attributes: [withNames(dns('A.Example'))] }, expected: ['a.example'] },
    {
      name: 'a name twice',
      given: { commonName: 'a.example', attributes: [withNames(dns('a.example'), dns('A.example'))] },
      expected: ['a.example'],
    },
  ] as const
  for (const { name, given, expected } of accepted) {
    it(`accepts ${name}`, () => {
      const { identifiers } = parseCsr(handmade(given))
      assert.deepEqual(
        identifiers.map(({ value }) => value),
        expected,
      )
    })
  }

  const names = withNames(dns('a.example'))
  const refused = [
    { name: 'no identifier at all', given: {} },
    { name: 'another version', given: { version: 1, attributes: [names] } },
    { name: 'a part after the attributes', given: { extra: [sequence()] } },
    {
      name: 'an attribute of three parts',
      given: { attributes: [sequence(oid('1.2.3'), setOfOne(sequence()), sequence())] },
    },
    { name: 'two extension requests', given: { attributes: [names, names] } },
    {
      name: 'an extension request with two values',
      given: {
        attributes: [sequence(oid(oids.extensionRequest), encodeDer(tag.set, sequence(), sequence()))],
      },
    },
    { name: 'an empty alternative name', given: { attributes: [withNames()] } },
    {
      name: 'a mail address',
      given: { attributes: [withNames(dns('a.example'), implicit(1, Buffer.from('a@a.example')))] },
    },
    { name: 'a name with a final dot', given: { attributes: [withNames(dns('a.example.'))] } },
    { name: 'a name with a NUL', given: { attributes: [withNames(dns('a.example\0.b'))] } },
    { name: 'a name that is not ASCII', given: { attributes: [withNames(dns('é.example'))] } },
    { name: 'an address as DNS name', given: { attributes: [withNames(dns('2001:db8::0:1'))] } },
    { name: 'an underscore', given: { attributes: [withNames(dns('_a.example'))] } },
    {
      name: 'a wildcard that is not the first label',
      given: { attributes: [withNames(dns('a.*.example'))] },
    },
    { name: 'an address of five octets', given: { attributes: [withNames(implicit(7, new Uint8Array(5)))] } },
    { name: 'a common name that is none', given: { commonName: 'Example Inc.', attributes: [names] } },
    { name: 'a common name in Unicode', given: { commonName: 'bücher.example', attributes: [names] } },
  ]
  for (const { name, given } of refused) {
    // A good name beside it, so that nothing else is wrong.
    const commonName = name === 'no identifier at all' ? {} : { commonName: 'a.example' }
    it(`refuses ${name}`, () =>
      assert.throws(() => parseCsr(handmade({ ...commonName, ...given })), formatError))
  }

  it('refuses a signature by another key', async () => {
    const other = await generateKey('ecdsa-p256')
    const [body, algorithm] = parseDer(createCsr(identifiers, key)).children
    const signature = parseDer(createCsr(identifiers, other)).children[2]
    assert.ok(body !== undefined && algorithm !== undefined && signature !== undefined)
    assert.throws(() => parseCsr(sequence(body.bytes, algorithm.bytes, signature.bytes)), formatError)
  })

  it('refuses whatever is damaged with ERR_FORMAT', () => {
    const der = createCsr(identifiers, key)
    const place = fc.nat(der.length - 1)
    fc.assert(
      fc.property(place, fc.integer({ min: 1, max: 255 }), (at, difference) => {
        const bytes = new Uint8Array(der)
        bytes[at] = (bytes[at] ?? 0) ^ difference
        assert.throws(() => parseCsr(bytes), formatError)
      }),
      { numRuns: 1_000 },
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), bytes => {
        assert.throws(
          () => parseCsr(bytes),
          (error: unknown) => isAppError(error, 'ERR_FORMAT'),
        )
      }),
    )
  })
})

function toArrayBuffer(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer
}
