import assert from 'node:assert/strict'
import { createPrivateKey } from 'node:crypto'
import { test } from 'node:test'
import { parseIdentifier } from '../../../acme/identifier.ts'
import { instant } from '../../../base/instant.ts'
import { type FileFormat, fileFormats, holdsKey } from '../../../contracts/files-target.ts'
import { testAuthority } from '../../../testing/test-authority.ts'
import { encodePem } from '../../../x509/pem.ts'
import { formatCertificate } from './format.ts'

const authority = await testAuthority(instant(Date.UTC(2030, 0, 1)))
const issued = await authority.issue([parseIdentifier('a.example')])
const parts = {
  cert: encodePem('CERTIFICATE', issued.leafDer),
  chain: encodePem('CERTIFICATE', issued.intermediateDer),
  key: issued.key,
}
const options = { alias: 'a.example', password: 'secret' }
const format = (name: FileFormat) => formatCertificate(name, parts, options)
const text = (name: FileFormat) => new TextDecoder().decode(format(name))

test('PEM formats are made of the same parts in their order', () => {
  const { cert, chain, key } = parts
  assert.equal(text('cert'), cert)
  assert.equal(text('chain'), chain)
  assert.equal(text('fullchain'), cert + chain)
  assert.equal(text('key'), key)
  assert.equal(text('combined'), key + cert + chain)
  assert.equal(text('combined-chain-first'), cert + chain + key)
})

test('DER formats hold one certificate and a PKCS #8 key', () => {
  assert.deepEqual(format('der-cert'), issued.leafDer)
  const key = createPrivateKey({ key: Buffer.from(format('der-key')), format: 'der', type: 'pkcs8' })
  assert.ok(key.equals(createPrivateKey(issued.key)))
})

test('a format that holds the key is known to hold it', () => {
  const secret = createPrivateKey(issued.key).export({ format: 'jwk' })['d'] ?? ''
  const bytes = Buffer.from(secret, 'base64url')
  assert.equal(bytes.length, 32)
  for (const name of fileFormats) {
    const content = Buffer.from(format(name))
    const found = content.includes(bytes) || content.includes('PRIVATE KEY') || name === 'pkcs12'
    assert.equal(holdsKey(name), found, name)
  }
})

test('a certificate without intermediates has an empty chain', () => {
  const alone = { ...parts, chain: '' }
  assert.equal(formatCertificate('chain', alone, options).length, 0)
  assert.deepEqual(formatCertificate('fullchain', alone, options), format('cert'))
})
