import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { parseIdentifier } from '../acme/identifier.ts'
import { createCsr } from '../x509/csr.ts'
import { generateKey } from '../x509/key.ts'
import { keyTypes } from '../x509/key-types.ts'
import { encodePem } from '../x509/pem.ts'
import { readCertificateRequest } from './certificate-request.ts'

const identifiers = ['a.example', '*.b.example', '192.0.2.7'].map(parseIdentifier)
const key = await generateKey('ecdsa-p256')
const der = createCsr(identifiers, key)
const pem = encodePem('CERTIFICATE REQUEST', der)
const bytes = (text: string) => new TextEncoder().encode(text)

for (const { name, content } of [
  { name: 'DER', content: der },
  { name: 'PEM', content: bytes(pem) },
  { name: 'PEM as text', content: pem },
  { name: 'PEM with carriage returns', content: pem.replaceAll('\n', '\r\n') },
  { name: 'PEM with the older label', content: encodePem('NEW CERTIFICATE REQUEST', der) },
]) {
  test(`a request in ${name} is read`, () => {
    const request = readCertificateRequest(content)
    assert.deepEqual(request.identifiers, identifiers)
    assert.equal(request.keyType, 'ecdsa-p256')
    assert.deepEqual([...request.der], [...der])
  })
}

for (const type of keyTypes) {
  test(`a key of the kind ${type} is known again in another request`, async () => {
    const same = await generateKey(type)
    const one = readCertificateRequest(createCsr(identifiers, same))
    const two = readCertificateRequest(createCsr(identifiers.slice(1), same))
    assert.deepEqual([one.keyType, one.publicKeyHash], [type, two.publicKeyHash])
    assert.notEqual(one.publicKeyHash, readCertificateRequest(der).publicKeyHash)
  })
}

const smallKey = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey
const tampered = Uint8Array.from(der, (byte, index) => (index === der.length - 1 ? byte ^ 1 : byte))
for (const { name, content, message } of [
  { name: 'an empty file', content: new Uint8Array(), message: /no CERTIFICATE REQUEST block/ },
  {
    name: 'a private key',
    content: encodePem('PRIVATE KEY', der),
    message: /has "-----BEGIN PRIVATE KEY-----"/,
  },
  { name: 'two requests', content: pem + pem, message: /more than one CSR/ },
  { name: 'a signature by nobody', content: tampered, message: /CSR/ },
  { name: 'a small key', content: createCsr(identifiers, smallKey), message: /kind that CAs do not certify/ },
]) {
  test(`${name} is refused`, () => {
    assert.throws(() => readCertificateRequest(content), { code: 'ERR_FORMAT', message })
  })
}
