import 'reflect-metadata'
import assert from 'node:assert/strict'
import { type KeyObject, X509Certificate } from 'node:crypto'
import { before, describe, it } from 'node:test'
import * as x509 from '@peculiar/x509'
import { dayMs, instant, plusMs } from '../base/instant.ts'
import { type Certificate, parseCertificate } from './certificate.ts'
import { generateKey, samePublicKey } from './key.ts'
import { keyTypes } from './key-types.ts'
import { oids } from './oids.ts'
import { signCertificate } from './signed-certificate.ts'

const notBefore = instant(Date.UTC(2026, 0, 1))
const validity = { notBefore, notAfter: plusMs(notBefore, 90 * dayMs) }
const names = [
  { type: 'dns', value: '*.example.com' },
  { type: 'ip', value: '2001:db8::1' },
] as const

describe('signCertificate', () => {
  let rootKey: KeyObject
  let root: Certificate
  before(async () => {
    rootKey = await generateKey('ecdsa-p384')
    const issuer = { commonName: 'Root' }
    const template = { ...validity, serialNumber: Uint8Array.of(1), subjectCommonName: 'Root', issuer }
    root = parseCertificate(
      signCertificate({ ...template, publicKey: rootKey, ca: { pathLength: 1 } }, rootKey),
    )
  })

  it('makes a root that signs itself', () => {
    const node = new X509Certificate(root.der)
    assert.ok(node.ca && node.checkIssued(node) && node.verify(node.publicKey))
    assert.equal(root.pathLength, 1)
    assert.deepEqual(root.keyUsage, ['keyCertSign', 'cRLSign'])
    assert.equal(root.extendedKeyUsages, undefined)
    assert.deepEqual(root.authorityKeyIdentifier, root.subjectKeyIdentifier)
    assert.deepEqual(root.subjectDer, root.issuerDer)
  })

  for (const type of keyTypes) {
    it(`${type}: certifies a server, as others see it too`, async () => {
      const key = await generateKey(type)
      const template = {
        ...validity,
        serialNumber: Uint8Array.of(0, 0x87, 1),
        issuer: root,
        publicKey: key,
        identifiers: names,
      }
      const der = signCertificate(template, rootKey)
      const certificate = parseCertificate(der)
      assert.deepEqual(certificate.serialNumber, Uint8Array.of(0, 0x87, 1))
      assert.deepEqual(certificate.identifiers, names)
      assert.equal(certificate.notBefore, validity.notBefore)
      assert.equal(certificate.notAfter, validity.notAfter)
      assert.equal(certificate.isCa, false)
      assert.equal(certificate.subject, '')
      assert.deepEqual(certificate.issuerDer, root.subjectDer)
      assert.deepEqual(certificate.keyUsage, ['digitalSignature'])
      assert.deepEqual(certificate.extendedKeyUsages, [oids.serverAuth])
      assert.deepEqual(certificate.authorityKeyIdentifier, root.subjectKeyIdentifier)
      assert.ok(samePublicKey(certificate.publicKey, key))

      const node = new X509Certificate(der)
      assert.ok(node.verify(root.publicKey) && node.checkIssued(new X509Certificate(root.der)))
      assert.equal(node.checkHost('www.example.com'), '*.example.com')
      assert.equal(node.checkIP('2001:db8::1'), '2001:db8::1')

      const peculiar = new x509.X509Certificate(new Uint8Array(der).buffer)
      assert.deepEqual(
        Array.from(peculiar.extensions, ({ type, critical }) => [type, critical]),
        [
          [oids.basicConstraints, true],
          [oids.keyUsage, true],
          [oids.extendedKeyUsage, false],
          [oids.subjectAltName, true],
          [oids.subjectKeyIdentifier, false],
          [oids.authorityKeyIdentifier, false],
        ],
      )
    })
  }

  it('does not mark the names critical when there is a subject, and lists CRLs', () => {
    const template = {
      ...validity,
      serialNumber: Uint8Array.of(5),
      subjectCommonName: 'www.example.com',
      issuer: root,
      publicKey: rootKey,
      identifiers: names,
    }
    const crlUrls = ['http://crl.example.com/1.crl', 'http://crl.example.net/1.crl']
    const der = signCertificate({ ...template, crlUrls }, rootKey)
    const peculiar = new x509.X509Certificate(new Uint8Array(der).buffer)
    assert.equal(peculiar.getExtension(oids.subjectAltName)?.critical, false)
    const points = peculiar.getExtension(x509.CRLDistributionPointsExtension)?.distributionPoints ?? []
    assert.deepEqual(
      Array.from(points).flatMap(({ distributionPoint }) =>
        distributionPoint?.fullName?.map(name => name.uniformResourceIdentifier),
      ),
      crlUrls,
    )
  })

  it('refuses a key that is not the issuer’s and serial numbers that RFC 5280 does not allow', async () => {
    const other = await generateKey('ecdsa-p256')
    const template = { ...validity, serialNumber: Uint8Array.of(1), issuer: root, publicKey: other }
    assert.throws(() => signCertificate(template, other), TypeError)
    for (const serialNumber of [
      Uint8Array.of(),
      Uint8Array.of(0, 0),
      new Uint8Array(21).fill(1),
      new Uint8Array(20).fill(0xff),
    ]) {
      assert.throws(() => signCertificate({ ...template, serialNumber }, rootKey), TypeError)
    }
    for (const serialNumber of [new Uint8Array(20).fill(0x7f), new Uint8Array(19).fill(0xff)]) {
      assert.doesNotThrow(() => signCertificate({ ...template, serialNumber }, rootKey))
    }
  })
})
