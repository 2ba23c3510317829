import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import { tempDirectory } from '../../../test/support/temp-directory.ts'
import { dayMs, instant } from '../../base/instant.ts'
import { parseCertificate } from '../../x509/certificate.ts'
import { checkChain } from '../../x509/chain.ts'
import { generateKey } from '../../x509/key.ts'
import { keyTypes } from '../../x509/key-types.ts'
import { encodePem } from '../../x509/pem.ts'
import { createLocalIssuer, newSerialNumber, restoreLocalIssuer } from './local-issuer.ts'
import { validityAt } from './validity.ts'

const now = instant(Date.UTC(2030, 0, 1))
const clock = { now: () => now }
const run = promisify(execFile)
const signal = new AbortController().signal
const identifiers = [
  { type: 'dns', value: 'www.example.com' },
  { type: 'dns', value: 'example.com' },
  { type: 'ip', value: '192.0.2.7' },
  { type: 'ip', value: '2001:db8::7' },
] as const
const pem = (der: Uint8Array) => encodePem('CERTIFICATE', der)

describe('a local CA', () => {
  for (const keyType of ['ecdsa-p256', 'ecdsa-p384', 'rsa-2048'] as const) {
    it(`with ${keyType} keys issues chains that openssl and our own check accept`, async () => {
      await using directory = await tempDirectory()
      const issuer = await createLocalIssuer({ keyType, rootName: 'Example' }, { clock })
      const publicKey = await generateKey('ecdsa-p256')
      const chains = await issuer.issue(
        { publicKey, identifiers, ...validityAt(now, 90 * dayMs) },
        { signal },
      )
      const [chain = [], alternate = []] = chains
      const [leaf = assert.fail('no leaf'), intermediate = assert.fail('no intermediate')] = chain
      assert.deepEqual(alternate, [leaf, intermediate, issuer.root.der])
      assert.equal(checkChain(chain.map(parseCertificate), { roots: [issuer.root], at: now }), undefined)

      const file = (name: string) => join(directory.path, name)
      await writeFile(file('root.pem'), issuer.rootPem)
      await writeFile(file('chain.pem'), pem(intermediate))
      await writeFile(file('leaf.pem'), pem(leaf))
      const verify = (...more: readonly string[]) =>
        run('openssl', [
          'verify',
          '-x509_strict',
          ...['-attime', String(now / 1_000), '-purpose', 'sslserver'],
          ...['-CAfile', file('root.pem'), '-untrusted', file('chain.pem')],
          ...more,
          file('leaf.pem'),
        ])
      await verify('-verify_hostname', 'www.example.com')
      await verify('-verify_ip', '192.0.2.7')
      await verify('-verify_ip', '2001:db8::7')
      await assert.rejects(verify('-verify_hostname', 'other.example.com'))

      const { stdout } = await run('openssl', ['x509', '-in', file('leaf.pem'), '-noout', '-text'])
      assert.match(stdout, /CA:FALSE/)
      assert.match(stdout, /TLS Web Server Authentication/)
      assert.doesNotMatch(stdout, /Client Authentication/)
      assert.match(stdout, /Subject: *\n/, 'names are in the subject alternative name alone')
    })
  }

  it('has a root and an intermediate that may do no more than they must', async () => {
    const { root, intermediate } = await createLocalIssuer({ rootName: 'Example' }, { clock })
    assert.deepEqual([root.subject, intermediate.subject], ['CN=Example root', 'CN=Example intermediate'])
    assert.deepEqual([root.isCa, intermediate.isCa], [true, true])
    assert.deepEqual([root.pathLength, intermediate.pathLength], [1, 0])
    assert.deepEqual(intermediate.keyUsage, ['keyCertSign', 'cRLSign'])
    assert.ok(root.notAfter > intermediate.notAfter)
  })

  it('comes back from its exported state as the same CA', async () => {
    const made = await createLocalIssuer({}, { clock })
    const state = JSON.parse(JSON.stringify(made.exportState()))
    const restored = restoreLocalIssuer(state)
    assert.equal(restored.rootPem, made.rootPem)
    const publicKey = await generateKey('ecdsa-p256')
    const [chain = []] = await restored.issue(
      { publicKey, identifiers, ...validityAt(now, dayMs) },
      { signal },
    )
    assert.equal(checkChain(chain.map(parseCertificate), { roots: [made.root], at: now }), undefined)
    assert.deepEqual(restored.exportState(), state)
  })

  it('refuses a state in which keys and certificates do not go together', async () => {
    const made = (await createLocalIssuer({}, { clock })).exportState()
    const other = (await createLocalIssuer({}, { clock })).exportState()
    for (const state of [
      { ...made, intermediateKeyPem: other.intermediateKeyPem },
      { ...made, rootKeyPem: other.rootKeyPem },
      { ...made, rootCertificatePem: other.rootCertificatePem },
      { ...made, rootCertificatePem: '' },
      { ...made, intermediateKeyPem: made.intermediateCertificatePem },
    ])
      assert.throws(() => restoreLocalIssuer(state), { code: 'ERR_FORMAT' })
  })

  it('issues nothing that outlives its intermediate', async () => {
    const issuer = await createLocalIssuer({}, { clock })
    const publicKey = await generateKey('ecdsa-p256')
    const request = { publicKey, identifiers, ...validityAt(now, 6 * 365 * dayMs) }
    await assert.rejects(issuer.issue(request, { signal }), { code: 'ERR_UNSUPPORTED' })
  })

  it('issues for every type of certificate key', async () => {
    const issuer = await createLocalIssuer({}, { clock })
    for (const type of keyTypes) {
      const publicKey = await generateKey(type)
      const [chain = []] = await issuer.issue(
        { publicKey, identifiers, ...validityAt(now, dayMs) },
        { signal },
      )
      assert.equal(checkChain(chain.map(parseCertificate), { roots: [issuer.root], at: now }), undefined)
    }
  })
})

it('serial numbers have 16 octets, no leading zero, and never repeat; half need a sign octet in DER', () => {
  const serials = Array.from({ length: 2_000 }, newSerialNumber)
  assert.ok(serials.every(serial => serial.length === 16 && serial[0] !== 0))
  assert.equal(new Set(serials.map(serial => Buffer.from(serial).toString('hex'))).size, serials.length)
  const high = serials.filter(serial => (serial[0] ?? 0) >= 0x80).length
  assert.ok(high > 800 && high < 1_200, `${high} of 2000`)
})
