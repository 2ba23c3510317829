import assert from 'node:assert/strict'
import type { KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { dayMs, instant, plusMs } from '../base/instant.ts'
import { type Certificate, parseCertificate } from './certificate.ts'
import { type ChainProblem, checkChain } from './chain.ts'
import { parseDer } from './der.ts'
import { encodeDer, explicit, implicit, namedBits, oid, sequence } from './der-writer.ts'
import { encodeExtension } from './extension.ts'
import { generateKey } from './key.ts'
import { oids } from './oids.ts'
import { parsePem } from './pem.ts'
import { signDer } from './signature.ts'
import { type CertificateTemplate, signCertificate } from './signed-certificate.ts'

const at = instant(Date.UTC(2026, 10, 20))

describe('chains of a public CA', () => {
  const vectors = join(import.meta.dirname, '..', '..', 'test', 'vectors', 'letsencrypt')
  const load = (name: string): Certificate => {
    const [der = Uint8Array.of()] = parsePem(
      readFileSync(join(vectors, `${name}.pem`), 'utf8'),
      'CERTIFICATE',
    )
    return parseCertificate(der)
  }
  const cases: readonly {
    readonly chain: readonly string[]
    readonly roots: readonly string[]
    readonly expected: ChainProblem['kind'] | undefined
  }[] = [
    { chain: ['int-ye1', 'root-ye-by-x2', 'root-x2-by-x1'], roots: ['root-x1'], expected: undefined },
    { chain: ['int-ye1', 'root-ye-by-x2', 'root-x2-by-x1'], roots: ['root-x2'], expected: undefined },
    { chain: ['int-ye1', 'root-ye-by-x2', 'root-x2-by-x1'], roots: ['root-ye'], expected: undefined },
    { chain: ['int-ye1', 'root-ye-by-x2'], roots: ['root-x2'], expected: undefined },
    { chain: ['int-ye1', 'root-ye-by-x2'], roots: ['root-x1'], expected: 'unknown-root' },
    { chain: ['int-ye1'], roots: ['root-ye'], expected: undefined },
    { chain: ['int-ye1'], roots: ['root-ye-by-x2'], expected: undefined },
    { chain: ['int-ye1', 'root-ye'], roots: ['root-ye'], expected: undefined },
    { chain: ['int-yr1', 'root-yr-by-x1'], roots: ['root-x2', 'root-x1'], expected: undefined },
    { chain: ['retired-r10'], roots: ['root-x1'], expected: undefined },
    { chain: ['retired-r10'], roots: ['root-x2'], expected: 'unknown-root' },
    { chain: ['int-ye1'], roots: [], expected: 'unknown-root' },
    { chain: ['int-ye1', 'root-yr-by-x1'], roots: ['root-x1'], expected: 'order' },
    { chain: ['root-ye-by-x2', 'int-ye1'], roots: ['root-x2'], expected: 'order' },
  ]
  for (const { chain, roots, expected } of cases) {
    it(`${chain.join(', ')} with ${roots.join(', ') || 'no root'}: ${expected ?? 'good'}`, () => {
      assert.equal(checkChain(chain.map(load), { roots: roots.map(load), at })?.kind, expected)
    })
  }
})

type Authority = { readonly certificate: Certificate; readonly key: KeyObject }
type Wish = Partial<Omit<CertificateTemplate, 'issuer'>> & {
  readonly issuer?: Authority
  readonly key?: KeyObject
  /** Extensions in place of, or beside, those that `signCertificate` writes. */
  readonly extensions?: readonly Uint8Array[]
}

let serial = 0

async function make({ issuer, key, extensions = [], ...wish }: Wish): Promise<Authority> {
  const own = key ?? (await generateKey('ecdsa-p256'))
  serial += 1
  const template: CertificateTemplate = {
    serialNumber: Uint8Array.of(1, serial),
    issuer: issuer?.certificate ?? { commonName: wish.subjectCommonName ?? 'nobody' },
    notBefore: plusMs(at, -dayMs),
    notAfter: plusMs(at, dayMs),
    publicKey: own,
    ...wish,
  }
  const der = signCertificate(template, issuer?.key ?? own)
  return { certificate: parseCertificate(withExtensions(der, extensions, issuer?.key ?? own)), key: own }
}

/** The certificate with these extensions instead of its own of the same kind, signed again. */
function withExtensions(
  der: Uint8Array,
  extensions: readonly Uint8Array[],
  issuerKey: KeyObject,
): Uint8Array {
  if (extensions.length === 0) return der
  const kindOf = (extension: Uint8Array): string =>
    Buffer.from(parseDer(extension).children[0]?.bytes ?? []).toString('hex')
  const replaced = new Set(extensions.map(kindOf))
  const [body] = parseDer(der).children
  const parts = body?.children ?? []
  const kept = (parts.at(-1)?.children[0]?.children ?? [])
    .map(({ bytes }) => bytes)
    .filter(each => !replaced.has(kindOf(each)))
  const front = parts.slice(0, -1).map(({ bytes }) => bytes)
  return signDer(issuerKey, () => sequence(...front, explicit(3, sequence(...kept, ...extensions))))
}

const critical = { critical: true }
const dnsConstraint = (name: string): Uint8Array =>
  encodeExtension(
    oids.nameConstraints,
    sequence(explicit(0, sequence(implicit(2, Buffer.from(name))))),
    critical,
  )
const clientAuth = '1.3.6.1.5.5.7.3.2'
const usage = (...purposes: readonly string[]): Uint8Array =>
  encodeExtension(oids.extendedKeyUsage, sequence(...purposes.map(oid)))

type Scene = { readonly root: Authority; readonly intermediate: Authority; readonly leaf: Authority }

/** A good chain of three with the wishes given. */
async function scene(wishes: { readonly [role in keyof Scene]?: Wish } = {}): Promise<Scene> {
  const root = await make({ subjectCommonName: 'Root', ca: {}, ...wishes.root })
  const intermediate = await make({
    subjectCommonName: 'Intermediate',
    issuer: root,
    ca: { pathLength: 0 },
    ...wishes.intermediate,
  })
  const identifiers = [{ type: 'dns', value: 'www.example.com' }] as const
  const leaf = await make({ issuer: intermediate, identifiers, ...wishes.leaf })
  return { root, intermediate, leaf }
}

describe('checkChain', () => {
  const past = { notBefore: plusMs(at, -2 * dayMs), notAfter: plusMs(at, -dayMs) }
  const future = { notBefore: plusMs(at, dayMs), notAfter: plusMs(at, 2 * dayMs) }
  const noCertSign = encodeExtension(oids.keyUsage, encodeDer(0x03, Uint8Array.of(1, 0x02)), critical)
  const certSign = encodeExtension(oids.keyUsage, namedBits([5]), critical)
  const unknown = encodeExtension('1.2.3.4', encodeDer(0x05), critical)
  const unknownUncritical = encodeExtension('1.2.3.4', encodeDer(0x05))
  const mailConstraint = encodeExtension(
    oids.nameConstraints,
    sequence(explicit(0, sequence(implicit(1, Buffer.from('example.com'))))),
    critical,
  )

  const cases: readonly {
    readonly name: string
    readonly wishes: { readonly [role in keyof Scene]?: Wish }
    readonly expected: ChainProblem['kind'] | undefined
    readonly position?: number
  }[] = [
    { name: 'a good chain', wishes: {}, expected: undefined },
    { name: 'an expired leaf', wishes: { leaf: past }, expected: 'expired', position: 0 },
    { name: 'a leaf of tomorrow', wishes: { leaf: future }, expected: 'not-yet-valid', position: 0 },
    { name: 'an expired intermediate', wishes: { intermediate: past }, expected: 'expired', position: 1 },
    {
      name: 'an intermediate of tomorrow',
      wishes: { intermediate: future },
      expected: 'not-yet-valid',
      position: 1,
    },
    { name: 'an expired root', wishes: { root: past }, expected: 'unknown-root' },
    { name: 'the first instant of validity', wishes: { leaf: { notBefore: at } }, expected: undefined },
    { name: 'the last instant of validity', wishes: { leaf: { notAfter: at } }, expected: undefined },
    {
      name: 'an intermediate that is no CA',
      wishes: { intermediate: { ca: undefined } },
      expected: 'not-a-ca',
      position: 0,
    },
    {
      name: 'an intermediate whose key may not sign certificates',
      wishes: { intermediate: { extensions: [noCertSign] } },
      expected: 'not-a-ca',
      position: 0,
    },
    {
      name: 'an intermediate that is no CA, though its key may sign certificates',
      wishes: { intermediate: { ca: undefined, extensions: [certSign] } },
      expected: 'not-a-ca',
    },
    { name: 'a root that is no CA', wishes: { root: { ca: undefined } }, expected: 'unknown-root' },
    {
      name: 'a root that allows no intermediate',
      wishes: { root: { ca: { pathLength: 0 } } },
      expected: 'unknown-root',
    },
    {
      name: 'an intermediate for clients',
      wishes: { intermediate: { extensions: [usage(clientAuth)] } },
      expected: 'purpose',
      position: 1,
    },
    {
      name: 'a leaf for clients',
      wishes: { leaf: { extensions: [usage(clientAuth)] } },
      expected: 'purpose',
      position: 0,
    },
    {
      name: 'an intermediate for clients and servers',
      wishes: { intermediate: { extensions: [usage(clientAuth, oids.serverAuth)] } },
      expected: undefined,
    },
    {
      name: 'an intermediate for any purpose',
      wishes: { intermediate: { extensions: [usage(oids.anyExtendedKeyUsage)] } },
      expected: undefined,
    },
    {
      name: 'an unknown critical extension in the leaf',
      wishes: { leaf: { extensions: [unknown] } },
      expected: 'critical-extension',
      position: 0,
    },
    {
      name: 'an unknown critical extension in the intermediate',
      wishes: { intermediate: { extensions: [unknown] } },
      expected: 'critical-extension',
      position: 1,
    },
    {
      name: 'an unknown critical extension in the root',
      wishes: { root: { extensions: [unknown] } },
      expected: 'unknown-root',
    },
    {
      name: 'an unknown extension that is not critical',
      wishes: { leaf: { extensions: [unknownUncritical] } },
      expected: undefined,
    },
    {
      name: 'an intermediate constrained to the name',
      wishes: { intermediate: { extensions: [dnsConstraint('example.com')] } },
      expected: undefined,
    },
    {
      name: 'an intermediate constrained to another name',
      wishes: { intermediate: { extensions: [dnsConstraint('example.net')] } },
      expected: 'name-constraints',
      position: 0,
    },
    {
      name: 'a root constrained to another name',
      wishes: { root: { extensions: [dnsConstraint('example.net')] } },
      expected: 'unknown-root',
    },
    {
      name: 'critical constraints on mail addresses',
      wishes: { intermediate: { extensions: [mailConstraint] } },
      expected: 'critical-extension',
      position: 1,
    },
  ]
  for (const { name, wishes, expected, position } of cases) {
    it(`${name}: ${expected ?? 'good'}`, async () => {
      const { root, intermediate, leaf } = await scene(wishes)
      const chain = [leaf.certificate, intermediate.certificate]
      const problem = checkChain(chain, { roots: [root.certificate], at })
      assert.equal(problem?.kind, expected, problem?.text)
      if (position !== undefined) assert.equal(problem?.position, position)
      // Without roots the chain goes as far as the intermediate.
      const kind = checkChain(chain, { at })?.kind
      assert.equal(kind, expected === 'unknown-root' ? undefined : expected)
    })
  }

  it('an empty chain', () => {
    assert.equal(checkChain([], { at })?.kind, 'empty')
  })

  it('a signature by another key of the same name', async () => {
    const { root, leaf, intermediate } = await scene()
    const impostor = await make({ subjectCommonName: 'Intermediate', issuer: root, ca: {} })
    assert.equal(checkChain([leaf.certificate, impostor.certificate], { at })?.kind, 'signature')
    assert.equal(checkChain([leaf.certificate, intermediate.certificate], { at })?.kind, undefined)
    const otherRoot = await make({ subjectCommonName: 'Root', ca: {} })
    const roots = [otherRoot.certificate]
    assert.equal(
      checkChain([leaf.certificate, intermediate.certificate], { roots, at })?.kind,
      'unknown-root',
    )
  })

  it('any damage to the signed part or the signature', async () => {
    const { leaf, intermediate } = await scene()
    const { signed } = leaf.certificate
    const damaged = (bytes: Uint8Array): Uint8Array => bytes.with(bytes.length - 1, (bytes.at(-1) ?? 0) ^ 1)
    const signatureAlgorithm = intermediate.certificate.signed.algorithmDer
    for (const change of [
      { content: damaged(signed.content) },
      { signature: damaged(signed.signature) },
      { signature: Uint8Array.of() },
      { algorithmDer: damaged(signatureAlgorithm) },
    ]) {
      const changed = { ...leaf.certificate, signed: { ...signed, ...change } }
      assert.equal(checkChain([changed, intermediate.certificate], { at })?.kind, 'signature')
    }
  })

  it('counts the CA certificates below a path length, those issued to themselves apart', async () => {
    const root = await make({ subjectCommonName: 'Root', ca: {} })
    const upper = await make({ subjectCommonName: 'Upper', issuer: root, ca: { pathLength: 1 } })
    const renewed = await make({ subjectCommonName: 'Upper', issuer: upper, ca: { pathLength: 1 } })
    const middle = await make({ subjectCommonName: 'Middle', issuer: renewed, ca: {} })
    const lower = await make({ subjectCommonName: 'Lower', issuer: middle, ca: {} })
    const chainOf = (...members: readonly Authority[]) => members.map(({ certificate }) => certificate)
    const good = await make({ issuer: middle })
    const bad = await make({ issuer: lower })
    assert.equal(checkChain(chainOf(good, middle, renewed, upper, root), { at }), undefined)
    assert.equal(checkChain(chainOf(bad, lower, middle, renewed, upper, root), { at })?.kind, 'path-length')
  })

  it('shows what a certificate says in a form that is safe to show', async () => {
    const { leaf } = await scene({ leaf: { subjectCommonName: '\u001b[2Jx', ...past } })
    assert.match(checkChain([leaf.certificate], { at })?.text ?? '', /^"CN=\\u\{1b\}\[2Jx" was valid until /)
  })
})
