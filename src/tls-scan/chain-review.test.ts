import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dayMs, instant, plusMs } from '../base/instant.ts'
import { testAuthority } from '../testing/test-authority.ts'
import { type ReviewOptions, reviewChain } from './chain-review.ts'

const now = instant(Date.UTC(2026, 10, 21))
const authority = await testAuthority(now)
const stranger = await testAuthority(now, 'Stranger')
const name = 'shop.example'
const { leafDer: leaf, intermediateDer: intermediate } = await authority.issue([{ type: 'dns', value: name }])
const root = authority.rootDer
const options: ReviewOptions = { roots: [stranger.rootPem, authority.rootPem], name, at: now }

const cases: readonly {
  readonly name: string
  readonly chain: readonly Uint8Array[]
  readonly options?: Partial<ReviewOptions>
  readonly expected: readonly string[]
}[] = [
  { name: 'leaf and intermediate are all that is needed', chain: [leaf, intermediate], expected: [] },
  { name: 'a root that is sent too is told', chain: [leaf, intermediate, root], expected: ['root-sent'] },
  {
    name: 'without the intermediate nothing leads to a root',
    chain: [leaf],
    expected: ['untrusted'],
  },
  {
    name: 'an intermediate that was found elsewhere makes it incomplete',
    chain: [leaf],
    options: { supplied: [intermediate] },
    expected: ['incomplete'],
  },
  {
    name: 'the wrong order is told, and is trusted',
    chain: [leaf, root, intermediate],
    expected: ['order', 'root-sent'],
  },
  {
    name: 'what does not belong to the chain is told',
    chain: [leaf, intermediate, stranger.rootDer],
    expected: ['unneeded'],
  },
  {
    name: 'what cannot be read is told',
    chain: [leaf, intermediate, Uint8Array.of(1)],
    expected: ['unneeded'],
  },
  {
    name: 'a leaf that cannot be read ends it',
    chain: [Uint8Array.of(1), intermediate],
    expected: ['unreadable'],
  },
  { name: 'no certificate at all ends it', chain: [], expected: ['unreadable'] },
  {
    name: 'an unknown root is told',
    chain: [leaf, intermediate],
    options: { roots: [] },
    expected: ['untrusted'],
  },
  {
    name: 'a certificate that signs itself is told',
    chain: [root],
    options: { roots: [] },
    expected: ['name', 'self-signed'],
  },
  {
    name: 'one that signs itself and is trusted is a root',
    chain: [root],
    expected: ['name'],
  },
  {
    name: 'the end of its time is told',
    chain: [leaf, intermediate],
    options: { at: plusMs(now, 2 * dayMs) },
    expected: ['expired'],
  },
  {
    name: 'a time before its time is told',
    chain: [leaf, intermediate],
    options: { at: plusMs(now, -2 * dayMs) },
    expected: ['not-yet-valid'],
  },
  {
    name: 'another name is told',
    chain: [leaf, intermediate],
    options: { name: 'mail.example' },
    expected: ['name'],
  },
]
for (const { name, chain, options: own, expected } of cases) {
  test(name, () => {
    const { findings } = reviewChain(chain, { ...options, ...own })
    assert.deepEqual(
      findings.map(({ kind }) => kind),
      expected,
    )
    for (const { text } of findings) assert.notEqual(text, '')
  })
}

const nameCases = [
  { identifiers: ['*.example.com'], name: 'www.example.com', good: true },
  { identifiers: ['*.example.com'], name: 'WWW.Example.com.', good: true },
  { identifiers: ['*.example.com'], name: 'example.com', good: false },
  { identifiers: ['*.example.com'], name: 'a.b.example.com', good: false },
  { identifiers: ['example.com', 'www.example.com'], name: 'www.example.com', good: true },
] as const
for (const { identifiers, name, good } of nameCases) {
  test(`a certificate for ${identifiers.join(' and ')} ${good ? 'stands' : 'does not stand'} for ${name}`, async () => {
    const issued = await authority.issue(identifiers.map(value => ({ type: 'dns', value })))
    const { findings } = reviewChain([issued.leafDer, issued.intermediateDer], { ...options, name })
    assert.deepEqual(
      findings.map(({ kind }) => kind),
      good ? [] : ['name'],
    )
  })
}

test('an address stands for itself, and never for a name', async () => {
  const issued = await authority.issue([{ type: 'ip', value: '192.0.2.1' }])
  const kinds = (name: string) =>
    reviewChain([issued.leafDer, issued.intermediateDer], { ...options, name }).findings.map(
      ({ kind }) => kind,
    )
  assert.deepEqual(kinds('192.0.2.1'), [])
  assert.deepEqual(kinds('192.0.2.2'), ['name'])
  assert.deepEqual(kinds('shop.example'), ['name'])
})

const keyCases = [
  { keyType: 'ecdsa-p256', key: { kind: 'ECDSA', bits: 256, rsaBits: 3072 } },
  { keyType: 'ecdsa-p384', key: { kind: 'ECDSA', bits: 384, rsaBits: 7680 } },
  { keyType: 'rsa-2048', key: { kind: 'RSA', bits: 2048, rsaBits: 2048 } },
] as const
for (const { keyType, key } of keyCases) {
  test(`the strength of ${keyType} is told`, async () => {
    const issued = await authority.issue([{ type: 'dns', value: name }], { keyType })
    const review = reviewChain([issued.leafDer, issued.intermediateDer], options)
    assert.deepEqual(review.leaf?.key, key)
    assert.equal(review.leaf?.signature, 'sha256WithECDSA')
    assert.deepEqual(review.leaf?.names, [name])
  })
}
