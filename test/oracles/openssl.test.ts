/** What we write, read by OpenSSL, and what OpenSSL writes, read by us. */
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { dayMs, instant, plusMs } from '../../src/base/instant.ts'
import { type Certificate, parseCertificate } from '../../src/x509/certificate.ts'
import { checkChain } from '../../src/x509/chain.ts'
import { createCsr, parseCsr } from '../../src/x509/csr.ts'
import {
  generateKey,
  keyTypeOf,
  parsePrivateKeyPem,
  privateKeyPem,
  samePublicKey,
} from '../../src/x509/key.ts'
import { keyTypes } from '../../src/x509/key-types.ts'
import { encodePem, parsePem } from '../../src/x509/pem.ts'
import { signCertificate } from '../../src/x509/signed-certificate.ts'
import { requireProgram, runProgram, skipWithout } from '../support/programs.ts'
import { tempDirectory } from '../support/temp-directory.ts'

const skip = skipWithout('openssl')
const at = instant(Date.UTC(2026, 10, 20))
const validity = { notBefore: plusMs(at, -dayMs), notAfter: plusMs(at, dayMs) }
const identifiers = [
  { type: 'dns', value: 'www.example.com' },
  { type: 'ip', value: '2001:db8::1' },
] as const

async function openssl(...args: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await runProgram(requireProgram('openssl'), args)
  assert.equal(exitCode, 0, stderr)
  return stdout + stderr
}

describe('OpenSSL', { skip }, () => {
  for (const type of keyTypes) {
    it(`${type}: verifies our requests and our chains by its strict rules`, async () => {
      await using directory = await tempDirectory()
      const write = async (name: string, der: Uint8Array, label = 'CERTIFICATE'): Promise<string> => {
        const path = join(directory.path, name)
        await writeFile(path, encodePem(label, der))
        return path
      }
      const caKey = await generateKey(type)
      const leafKey = await generateKey('ecdsa-p256')
      const sign = (template: object, issuer: Certificate | { readonly commonName: string }) =>
        signCertificate(
          { serialNumber: Uint8Array.of(0xff, 1), publicKey: caKey, ...validity, ...template, issuer },
          caKey,
        )
      const rootDer = sign({ subjectCommonName: 'Root', ca: {} }, { commonName: 'Root' })
      const middle = { subjectCommonName: 'Intermediate', ca: { pathLength: 0 } }
      const middleDer = sign(middle, parseCertificate(rootDer))
      const leaf = { identifiers, publicKey: leafKey, crlUrls: ['http://ca.example/1.crl'] }
      const leafDer = sign(leaf, parseCertificate(middleDer))

      const request = await write('request.pem', createCsr(identifiers, caKey), 'CERTIFICATE REQUEST')
      assert.match(await openssl('req', '-verify', '-noout', '-in', request), /verify OK/)

      const trust = ['-CAfile', await write('root.pem', rootDer)]
      const chain = ['-untrusted', await write('intermediate.pem', middleDer)]
      const rules = ['-x509_strict', '-purpose', 'sslserver', '-attime', String(at / 1000), '-check_ss_sig']
      const names = ['-verify_ip', '2001:db8::1', '-verify_hostname', 'www.example.com']
      await openssl('verify', ...rules, ...names, ...trust, ...chain, await write('leaf.pem', leafDer))

      const text = await openssl('x509', '-noout', '-text', '-in', join(directory.path, 'leaf.pem'))
      assert.match(text, /Subject Alternative Name: critical/)
      assert.match(text, /URI:http:\/\/ca\.example\/1\.crl/)
    })
  }

  it('writes keys, requests and chains that we read', async () => {
    await using directory = await tempDirectory()
    const path = (name: string): string => join(directory.path, name)
    const names = 'subjectAltName=DNS:www.example.com,IP:2001:db8::1'
    const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384', '-nodes']
    const root = [
      '-subj',
      '/C=XX/O=Example/CN=Root',
      '-days',
      '30',
      '-keyout',
      path('ca.key'),
      '-out',
      path('ca.pem'),
    ]
    await openssl('req', '-x509', ...newKey, ...root)
    const request = [
      '-subj',
      '/CN=example.com',
      '-addext',
      names,
      '-keyout',
      path('leaf.key'),
      '-out',
      path('leaf.csr'),
    ]
    await openssl('req', ...newKey, ...request)
    await writeFile(path('extensions'), `${names}\nextendedKeyUsage=serverAuth\n`)
    const issuing = [
      '-CA',
      path('ca.pem'),
      '-CAkey',
      path('ca.key'),
      '-extfile',
      path('extensions'),
      '-days',
      '1',
    ]
    await openssl('x509', '-req', '-in', path('leaf.csr'), ...issuing, '-out', path('leaf.pem'))

    const read = async (name: string, label: string): Promise<Uint8Array> => {
      const [der] = parsePem(await readFile(path(name), 'utf8'), label)
      assert.ok(der !== undefined)
      return der
    }
    const key = parsePrivateKeyPem(await readFile(path('leaf.key'), 'utf8'))
    assert.equal(keyTypeOf(key), 'ecdsa-p384')
    const csr = parseCsr(await read('leaf.csr', 'CERTIFICATE REQUEST'))
    assert.ok(samePublicKey(csr.publicKey, key))
    assert.deepEqual(csr.identifiers, [{ type: 'dns', value: 'example.com' }, ...identifiers])

    const leaf = parseCertificate(await read('leaf.pem', 'CERTIFICATE'))
    const ca = parseCertificate(await read('ca.pem', 'CERTIFICATE'))
    assert.equal(ca.subject, 'CN=Root,O=Example,C=XX')
    assert.deepEqual(leaf.identifiers, identifiers)
    assert.equal(checkChain([leaf], { roots: [ca], at: leaf.notBefore }), undefined)
    assert.equal(checkChain([ca], { roots: [ca], at: leaf.notBefore }), undefined)
  })

  it('reads our private keys', async () => {
    await using directory = await tempDirectory()
    for (const type of keyTypes) {
      const path = join(directory.path, `${type}.pem`)
      await writeFile(path, privateKeyPem(await generateKey(type)))
      assert.match(await openssl('pkey', '-check', '-noout', '-in', path), /Key is valid/)
    }
  })
})
