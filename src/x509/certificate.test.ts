import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import * as fc from 'fast-check'
import { isAppError } from '../base/errors.ts'
import { instant } from '../base/instant.ts'
import { type Certificate, parseCertificate } from './certificate.ts'
import { type DerValue, parseDer } from './der.ts'
import { encodeDer } from './der-writer.ts'
import { generateKey, samePublicKey } from './key.ts'
import { parsePem } from './pem.ts'
import { signCertificate } from './signed-certificate.ts'

const vectors = join(import.meta.dirname, '..', '..', 'test', 'vectors', 'letsencrypt')
const formatError = { name: 'AppError', code: 'ERR_FORMAT' }

describe('certificates of a public CA', () => {
  const files = readdirSync(vectors).filter(name => name.endsWith('.pem'))
  assert.ok(files.length > 0)
  for (const file of files) {
    const [der = Uint8Array.of()] = parsePem(readFileSync(join(vectors, file), 'utf8'), 'CERTIFICATE')

    it(`${file} is read as Node reads it`, () => {
      const ours = parseCertificate(der)
      const theirs = new X509Certificate(der)
      assert.equal(ours.fingerprint, theirs.fingerprint256.replaceAll(':', '').toLowerCase())
      assert.equal(BigInt(`0x${hex(ours.serialNumber)}`), BigInt(`0x${theirs.serialNumber}`))
      assert.equal(ours.subject.split(',').toReversed().join('\n'), theirs.subject)
      assert.equal(ours.issuer.split(',').toReversed().join('\n'), theirs.issuer)
      assert.equal(ours.notBefore, Date.parse(theirs.validFrom))
      assert.equal(ours.notAfter, Date.parse(theirs.validTo))
      assert.equal(ours.isCa, theirs.ca)
      assert.ok(samePublicKey(ours.publicKey, theirs.publicKey))
      assert.deepEqual(ours.extendedKeyUsages, theirs.keyUsage)
      assert.deepEqual(ours.unknownCriticalExtensions, [])
    })
  }

  it('has the key identifiers, usages and path length that its CA publishes', () => {
    const [der = Uint8Array.of()] = parsePem(
      readFileSync(join(vectors, 'int-ye1.pem'), 'utf8'),
      'CERTIFICATE',
    )
    const certificate = parseCertificate(der)
    assert.equal(hex(certificate.subjectKeyIdentifier), 'bb20ca470bfed7e59cf98f092aa38c3745b1bcd8')
    assert.equal(hex(certificate.authorityKeyIdentifier), 'a3c8265a8ea14cd03563fc9b23c83aae56f34f56')
    assert.equal(certificate.commonName, 'YE1')
    assert.equal(certificate.pathLength, 0)
    assert.deepEqual(certificate.keyUsage, ['digitalSignature', 'keyCertSign', 'cRLSign'])
  })
})

describe('parseCertificate', () => {
  let leaf: Certificate
  before(async () => {
    const key = await generateKey('ecdsa-p256')
    leaf = parseCertificate(
      signCertificate(
        {
          serialNumber: Uint8Array.of(7),
          issuer: { commonName: 'CA' },
          notBefore: instant(0),
          notAfter: instant(1000),
          publicKey: key,
          identifiers: [
            { type: 'dns', value: 'example.com' },
            { type: 'ip', value: '192.0.2.1' },
          ],
        },
        key,
      ),
    )
  })

  it('does not follow changes of its input', () => {
    const input = Buffer.from(leaf.der)
    const certificate = parseCertificate(input)
    input.fill(0)
    assert.deepEqual(certificate.der, leaf.der)
    assert.deepEqual(certificate.serialNumber, Uint8Array.of(7))
  })

  // Positions of the parts in TBSCertificate: version, serial, algorithm, issuer, validity, subject, key, extensions.
  const changes: readonly {
    readonly name: string
    readonly change: Change
  }[] = [
    { name: 'extensions in version 1', change: members => members.slice(1) },
    { name: 'an unknown version', change: ([, ...rest]) => [from('a0 03 02 01 03'), ...rest] },
    {
      name: 'an unknown version without extensions',
      change: ([, ...rest]) => [from('a0 03 02 01 03'), ...rest.slice(0, -1)],
    },
    { name: 'version 1 in words', change: ([, ...rest]) => [from('a0 03 02 01 00'), ...rest.slice(0, -1)] },
    { name: 'two versions', change: ([, ...rest]) => [from('a0 06 02 01 02 02 01 02'), ...rest] },
    {
      name: 'another algorithm inside than outside',
      change: members => members.with(2, from('30 05 06 03 2b 65 70')),
    },
    { name: 'no serial number', change: members => members.toSpliced(1, 1) },
    { name: 'a third date', change: members => members.with(4, twice(members[4])) },
    { name: 'a key of no kind', change: members => members.with(6, from('30 00')) },
    { name: 'a part after the extensions', change: members => [...members, from('05 00')] },
    {
      name: 'two lists of extensions',
      change: members => members.with(7, twice(members[7])),
    },
    {
      name: 'every extension twice',
      change: members => members.with(7, encodeDer(0xa3, twice(parseDer(members[7] ?? from('')).content))),
    },
  ]
  for (const { name, change } of changes) {
    it(`refuses ${name}`, () => {
      assert.throws(() => parseCertificate(changed(leaf.der, change)), formatError)
    })
  }

  it('refuses a part after the signature', () => {
    const { tag, content } = parseDer(leaf.der)
    assert.throws(() => parseCertificate(encodeDer(tag, content, from('05 00'))), formatError)
  })

  it('reads versions 1 and 2, which have no extensions', () => {
    for (const version of [[], [from('a0 03 02 01 01')]]) {
      const der = changed(leaf.der, ([, ...rest]) => [...version, ...rest.slice(0, -1)])
      assert.deepEqual(parseCertificate(der).identifiers, [])
    }
  })

  it('reads random bytes and damaged certificates, or refuses them with ERR_FORMAT', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), bytes => {
        assert.throws(() => parseCertificate(bytes), formatError)
      }),
    )
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(damage, places => {
        const bytes = new Uint8Array(leaf.der)
        for (const [place, octet] of places) bytes[place % bytes.length] = octet
        assertReadOrRefused(bytes)
      }),
      { numRuns: 3_000 },
    )
  })

  it('reads or refuses with ERR_FORMAT when any one part is replaced by another', () => {
    const parts = flatten(parseDer(leaf.der))
    for (let position = 0; position < parts.length; position += 1) {
      for (const part of [from('05 00'), from('30 00'), from('02 01 00'), from('04 00'), from('03 01 00')]) {
        assertReadOrRefused(replacePart(parseDer(leaf.der), { position, part }))
      }
    }
  })
})

type Change = (members: readonly Uint8Array[]) => readonly Uint8Array[]

/** The certificate with other parts in what is signed; the signature stays as it is. */
function changed(der: Uint8Array, change: Change): Uint8Array {
  const [body, ...rest] = parseDer(der).children
  const members = change((body?.children ?? []).map(({ bytes }) => bytes))
  return encodeDer(0x30, encodeDer(0x30, ...members), ...rest.map(({ bytes }) => bytes))
}

function assertReadOrRefused(bytes: Uint8Array): void {
  try {
    parseCertificate(bytes)
  } catch (error) {
    assert.ok(isAppError(error, 'ERR_FORMAT'), String(error))
  }
}

function flatten(value: DerValue): readonly DerValue[] {
  return [value, ...value.children.flatMap(flatten)]
}

/** The encoding of `value` with the part at `position`, counted from the outside in, replaced. */
function replacePart(
  value: DerValue,
  { position, part }: { readonly position: number; readonly part: Uint8Array },
): Uint8Array {
  if (position === 0) return part
  let start = 1
  const members = value.children.map(child => {
    const inside = position - start
    const size = flatten(child).length
    start += size
    return inside >= 0 && inside < size ? replacePart(child, { position: inside, part }) : child.bytes
  })
  return encodeDer(value.tag, ...members)
}

function from(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'))
}

function twice(der: Uint8Array | undefined): Uint8Array {
  const { tag, content } = parseDer(der ?? from('30 00'))
  return encodeDer(tag, content, content)
}

function hex(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString('hex')
}
