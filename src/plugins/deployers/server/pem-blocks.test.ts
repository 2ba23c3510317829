import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodePem } from '../../../x509/pem.ts'
import { certificatesIn, privateKeyIn } from './pem-blocks.ts'

const der = new Uint8Array([1, 2, 3])
const certificate = encodePem('CERTIFICATE', der)
const key = encodePem('EC PRIVATE KEY', der)

test('certificates among keys, parameters and words', () => {
  const text = `Bag Attributes\n  friendlyName: x\n${key}${encodePem('EC PARAMETERS', der)}${certificate}\nissuer=CN = Y\n${certificate}`
  assert.deepEqual(certificatesIn(text), [der, der])
  assert.deepEqual(certificatesIn(key), [])
})

test('a certificate that is none is said to be none', () => {
  assert.throws(() => certificatesIn('-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----'), {
    code: 'ERR_FORMAT',
  })
})

test('a private key of any kind', () => {
  for (const label of ['PRIVATE KEY', 'RSA PRIVATE KEY', 'EC PRIVATE KEY', 'ENCRYPTED PRIVATE KEY']) {
    const block = encodePem(label, der)
    assert.equal(privateKeyIn(`${certificate}${block}`), block.trimEnd())
  }
  assert.equal(privateKeyIn(certificate), undefined)
})
