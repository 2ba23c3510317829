import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseUrl } from '../../acme/wire.ts'
import { AppError } from '../../base/errors.ts'
import { instant, plusMs } from '../../base/instant.ts'
import { sha256Hex } from '../../base/sha256.ts'
import { parseCertificate } from '../../x509/certificate.ts'
import { generateKey, publicKeyDer } from '../../x509/key.ts'
import { signCertificate } from '../../x509/signed-certificate.ts'
import { choosePreferredChain, isPreferredChain } from './preferred-chain.ts'

// One intermediate key below an old and a new root, as when a CA moves from one to the other.
const notBefore = instant(Date.parse('2026-11-21T00:00:00Z'))
const valid = { notBefore, notAfter: plusMs(notBefore, 1_000), serialNumber: Uint8Array.of(1) }
const [oldKey, newKey, key] = [
  await generateKey('ecdsa-p256'),
  await generateKey('ecdsa-p256'),
  await generateKey('ecdsa-p256'),
]
const intermediate = { ...valid, subjectCommonName: 'Intermediate', publicKey: key, ca: {} }
const byOld = signCertificate({ ...intermediate, issuer: { commonName: 'Old Root' } }, oldKey)
const byNew = signCertificate({ ...intermediate, issuer: { commonName: 'New Root' } }, newKey)
const cross = signCertificate(
  { ...intermediate, subjectCommonName: 'New Root', publicKey: newKey, issuer: { commonName: 'Old Root' } },
  oldKey,
)
const newRoot = signCertificate(
  { ...intermediate, subjectCommonName: 'New Root', publicKey: newKey, issuer: { commonName: 'New Root' } },
  newKey,
)
const issuer = parseCertificate(byOld)
const leaf = signCertificate({ ...valid, issuer, publicKey: oldKey }, key)
const otherLeaf = signCertificate({ ...valid, issuer, publicKey: newKey }, key)

const hashOf = (der: Uint8Array) => parseCertificate(der).fingerprint
const colons = (hash: string) => hash.toUpperCase().match(/../g)?.join(':') ?? ''

for (const { name, chain, preferred, expected } of [
  { name: 'the root that issued the last one', chain: [leaf, byNew], preferred: 'New Root', expected: true },
  { name: 'another root', chain: [leaf, byOld], preferred: 'New Root', expected: false },
  {
    name: 'a root that is in the chain',
    chain: [leaf, byNew, newRoot],
    preferred: 'New Root',
    expected: true,
  },
  {
    name: 'a root that another one stands for',
    chain: [leaf, byNew, cross],
    preferred: 'New Root',
    expected: false,
  },
  { name: 'part of a name', chain: [leaf, byNew], preferred: 'New', expected: false },
  { name: 'the hash of a CA certificate', chain: [leaf, byNew], preferred: hashOf(byNew), expected: true },
  {
    name: 'a hash as openssl prints it',
    chain: [leaf, byNew],
    preferred: colons(hashOf(byNew)),
    expected: true,
  },
  { name: 'the hash of another one', chain: [leaf, byOld], preferred: hashOf(byNew), expected: false },
  {
    name: 'the hash of the key of both',
    chain: [leaf, byOld],
    preferred: sha256Hex(publicKeyDer(key)),
    expected: true,
  },
  { name: 'the hash of the leaf', chain: [leaf, byNew], preferred: hashOf(leaf), expected: false },
  { name: 'no chain', chain: [], preferred: 'New Root', expected: false },
  { name: 'something else', chain: [leaf, Uint8Array.of(1)], preferred: 'New Root', expected: false },
]) {
  test(`${name}: ${expected ? 'preferred' : 'not preferred'}`, () => {
    assert.equal(isPreferredChain(chain, preferred), expected)
  })
}

const alternate = parseUrl('https://ca.example/alternate')
const broken = parseUrl('https://ca.example/broken')

for (const { name, preferred, alternates, chosen, warns, downloads } of [
  { name: 'nothing preferred', preferred: undefined, alternates: [alternate], chosen: byOld, downloads: 0 },
  {
    name: 'the CA’s own is preferred',
    preferred: 'Old Root',
    alternates: [alternate],
    chosen: byOld,
    downloads: 0,
  },
  { name: 'the other one', preferred: 'New Root', alternates: [alternate], chosen: byNew, downloads: 1 },
  {
    name: 'one that is broken and one that is good',
    preferred: 'New Root',
    alternates: [broken, alternate],
    chosen: byNew,
    warns: [/could not be looked at: it is broken/],
    downloads: 2,
  },
  {
    name: 'one that nobody offers',
    preferred: 'Odd Root',
    alternates: [alternate],
    chosen: byOld,
    warns: [/no chain leads to "Odd Root".*offers: Old Root, New Root/],
    downloads: 1,
  },
  {
    name: 'more than anybody needs',
    preferred: 'Odd Root',
    alternates: Array.from({ length: 100 }, () => alternate),
    chosen: byOld,
    warns: [/no chain/],
    downloads: 8,
  },
]) {
  test(`${name}: the right chain is chosen`, async () => {
    const warnings: string[] = []
    let downloaded = 0
    const chain = await choosePreferredChain(
      { chain: [leaf, byOld], alternates },
      {
        preferred,
        onWarning: text => warnings.push(text),
        download: async url => {
          downloaded++
          if (url === broken) throw new AppError('ERR_REPLY_INVALID', 'it is broken')
          return { chain: [leaf, byNew], alternates: [] }
        },
      },
    )
    assert.deepEqual(chain, [leaf, chosen])
    assert.equal(downloaded, downloads)
    assert.equal(warnings.length, warns?.length ?? 0, warnings.join('\n'))
    warns?.forEach((pattern, index) => assert.match(warnings[index] ?? '', pattern))
  })
}

test('a chain for another leaf is not taken, whatever it leads to', async () => {
  const warnings: string[] = []
  const chain = await choosePreferredChain(
    { chain: [leaf, byOld], alternates: [alternate] },
    {
      preferred: 'New Root',
      onWarning: text => warnings.push(text),
      download: async () => ({ chain: [otherLeaf, byNew], alternates: [] }),
    },
  )
  assert.deepEqual(chain, [leaf, byOld])
  assert.match(warnings.join(), /another certificate/)
})

test('a cancelled choice is cancelled', async () => {
  const download = () => Promise.reject(new AppError('ERR_ABORTED', 'stopped'))
  const options = { preferred: 'New Root', onWarning: () => {}, download }
  await assert.rejects(choosePreferredChain({ chain: [leaf, byOld], alternates: [alternate] }, options), {
    code: 'ERR_ABORTED',
  })
})
