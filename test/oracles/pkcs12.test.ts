/** PKCS #12 files that we write, read by OpenSSL and by Java. */
import assert from 'node:assert/strict'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { dayMs, instant, plusMs } from '../../src/base/instant.ts'
import { encodePkcs12 } from '../../src/plugins/deployers/formats/pkcs12.ts'
import { generateKey } from '../../src/x509/key.ts'
import { keyTypes } from '../../src/x509/key-types.ts'
import { signCertificate } from '../../src/x509/signed-certificate.ts'
import { findProgram, requireProgram, runProgram, skipWithout } from '../support/programs.ts'
import { tempDirectory } from '../support/temp-directory.ts'

const password = 'pa ss€wörd"$(x)'
const at = instant(Date.UTC(2026, 10, 20))
const caKey = await generateKey('ecdsa-p256')
const ca = signCertificate(
  {
    serialNumber: Uint8Array.of(1),
    publicKey: caKey,
    notBefore: plusMs(at, -dayMs),
    notAfter: plusMs(at, dayMs),
    issuer: { commonName: 'CA' },
    subjectCommonName: 'CA',
    ca: {},
  },
  caKey,
)

for (const type of keyTypes) {
  test(`OpenSSL reads key and certificates of ${type}`, { skip: skipWithout('openssl') }, async () => {
    await using directory = await tempDirectory()
    const { file, key, leaf } = await writePkcs12(directory.path, type)
    const args = ['pkcs12', '-in', file, '-passin', 'stdin', '-nodes', '-info']
    const openssl = requireProgram('openssl')
    const read = await runProgram(openssl, args, { input: `${password}\n` })
    assert.equal(read.exitCode, 0, read.stderr)
    assert.match(read.stderr, /MAC: sha256, Iteration 10000/)
    assert.equal(
      read.stderr.match(/PBES2, PBKDF2, AES-256-CBC, Iteration 10000, PRF hmacWithSHA256/g)?.length,
      2,
    )
    const [pem = ''] = /-----BEGIN PRIVATE KEY-----.*-----END PRIVATE KEY-----/s.exec(read.stdout) ?? []
    assert.ok(createPrivateKey(pem).equals(key))
    const certificates = read.stdout.match(/-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/gs) ?? []
    assert.deepEqual(
      certificates.map(one => new X509Certificate(one).fingerprint256),
      [leaf, ca].map(der => new X509Certificate(der).fingerprint256),
    )
    assert.equal(
      read.stdout.match(/friendlyName: www\.example\.com/g)?.length,
      2,
      'of the leaf and of the key',
    )
    const refused = await runProgram(openssl, args, { input: 'wrong\n' })
    assert.notEqual(refused.exitCode, 0)
    assert.match(refused.stderr, /invalid password/)
  })
}

test('Java reads the entry under its alias, with its chain and key', {
  skip: findProgram('keytool') === undefined ? 'Java is not installed' : false,
}, async () => {
  await using directory = await tempDirectory()
  const { file } = await writePkcs12(directory.path, 'ecdsa-p256', 'changeit')
  const keytool = requireProgram('keytool')
  const store = ['-keystore', file, '-storetype', 'PKCS12', '-storepass', 'changeit']
  const listed = await runProgram(keytool, ['-list', '-v', ...store])
  assert.equal(listed.exitCode, 0, listed.stdout)
  assert.match(listed.stdout, /Alias name: www\.example\.com/)
  assert.match(listed.stdout, /Entry type: PrivateKeyEntry/)
  assert.match(listed.stdout, /Certificate chain length: 2/)
  // A request is signed with the key, which listing does not look at.
  const request = await runProgram(keytool, ['-certreq', '-alias', 'www.example.com', ...store])
  assert.match(request.stdout, /BEGIN NEW CERTIFICATE REQUEST/)
})

async function writePkcs12(directory: string, type: (typeof keyTypes)[number], secret = password) {
  const key = await generateKey(type)
  const leaf = signCertificate(
    {
      serialNumber: Uint8Array.of(2),
      publicKey: key,
      notBefore: plusMs(at, -dayMs),
      notAfter: plusMs(at, dayMs),
      issuer: { commonName: 'CA' },
      identifiers: [{ type: 'dns', value: 'www.example.com' }],
    },
    caKey,
  )
  const file = join(directory, 'store.p12')
  const keyDer = key.export({ type: 'pkcs8', format: 'der' })
  const content = { keyDer, chain: [leaf, ca], alias: 'www.example.com', password: secret }
  await writeFile(file, encodePkcs12(content))
  return { file, key, leaf }
}
