/** Which of the places of a server are meant for a certificate, and which must be left alone. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseIdentifier } from '../../../acme/identifier.ts'
import { instant } from '../../../base/instant.ts'
import type { DeployableCertificate } from '../../../contracts/deployer.ts'
import type { KeyKind } from '../../../runtime/network.ts'
import { fakeRuntime } from '../../../testing/fake-runtime.ts'
import { testAuthority } from '../../../testing/test-authority.ts'
import { encodePem } from '../../../x509/pem.ts'
import { choosePlaces, type SeenPlace } from './place.ts'
import { seePlaces } from './see-places.ts'

const certificate = (...names: string[]): DeployableCertificate => ({
  name: 'site',
  identifiers: names.map(name => parseIdentifier(name)),
  liveDirectory: '/state/live/site',
  fingerprint: '00'.repeat(32),
})
const place = (file: string, change: Partial<SeenPlace> = {}): SeenPlace => ({
  ...{ certificateFile: `/tls/${file}.crt`, keyFile: `/tls/${file}.key`, source: '/conf', endpoints: [] },
  ...{ live: { certificate: false, key: false }, isPlaceholder: false },
  ...change,
})
const chosen = (places: readonly SeenPlace[], one: DeployableCertificate, wanted?: string) => {
  const choice = choosePlaces(places, one, { wanted, server: 'web' })
  return 'places' in choice
    ? `${choice.state} ${choice.places.map(({ certificateFile }) => certificateFile).join(' ')}`
    : `${choice.state} ${choice.text}`
}

const shared = /^none \/tls\/.* has another certificate.* shares a file/
const unmeant = /^none none of the certificates that web reads is meant/
const of = (...present: string[]) => ({ present })
for (const [title, places, names, expected, wanted] of [
  [
    'by the names of the server',
    [place('a', { names: ['a.example'] })],
    ['a.example'],
    /^copies \/tls\/a.crt$/,
  ],
  ['by the certificate that lies there', [place('a', of('a.example'))], ['a.example'], /^copies/],
  ['a host that the wildcard stands for', [place('a', of('b.example.com'))], ['*.example.com'], /^copies/],
  ['a stand-in', [place('a', { isPlaceholder: true, ...of('localhost') })], ['a.example'], /^copies/],
  [
    'a self-signed certificate of somebody',
    [place('a', { isPlaceholder: true, isTaken: true, ...of('b.example') })],
    ['a.example'],
    unmeant,
  ],
  ['a wildcard certificate of somebody', [place('a', of('*.example.com'))], ['b.example.com'], unmeant],
  ['a wildcard host', [place('a', { names: ['*.example.com'] })], ['b.example.com'], unmeant],
  ['deeper than a wildcard', [place('a', of('a.b.example.com'))], ['*.example.com'], unmeant],
  ['the domain of a wildcard', [place('a', of('example.com'))], ['*.example.com'], unmeant],
  [
    'a file that another host needs',
    [
      place('a', { names: ['a.example'], ...of('a.example', 'b.example') }),
      place('a', { names: ['b.example'], ...of('a.example', 'b.example') }),
    ],
    ['a.example'],
    shared,
  ],
  [
    'a file that is no good for another host either',
    [
      place('a', { names: ['a.example'], ...of('a.example') }),
      place('a', { names: ['localhost'], ...of('a.example') }),
    ],
    ['a.example'],
    /^copies \/tls\/a.crt$/,
  ],
  [
    'intermediates that another certificate needs',
    [
      place('a', { chainFile: '/tls/chain', ...of('a.example') }),
      place('b', { chainFile: '/tls/chain', ...of('b.example') }),
    ],
    ['a.example'],
    shared,
  ],
  [
    'a file that a person has named',
    [place('a', { names: ['a.example'], ...of('b.example') }), place('a', of('b.example'))],
    ['a.example'],
    /^copies/,
    '/tls/a.crt',
  ],
] as const)
  test(`what is meant: ${title}`, () => {
    assert.match(chosen(places, certificate(...names), wanted), expected)
  })

test('the two of a pair have a place each, by the kind of key that lies there', () => {
  const rsa = { presentKind: 'rsa', ...of('a.example') } as const
  const places = [place('rsa', rsa), place('ec', { ...rsa, presentKind: 'ecdsa' })]
  for (const [keyKind, file] of [
    ['rsa', 'rsa'],
    ['ecdsa', 'ec'],
  ] as const) {
    const pair = { keyKind, otherDirectory: '/state/live/other' }
    assert.equal(chosen(places, { ...certificate('a.example'), pair }), `copies /tls/${file}.crt`)
  }
})

test('where there is a place for one of a pair only, the other one is told so', () => {
  const pair = { keyKind: 'ecdsa', otherDirectory: '/state/live/other' } as const
  const rsa = place('rsa', { presentKind: 'rsa', ...of('a.example') })
  assert.match(
    chosen([rsa], { ...certificate('a.example'), pair }),
    /^none none of .* is meant for these names with the key of this kind, ECDSA:/,
  )
})

for (const [one, other, expected] of [
  [true, false, /takes the certificate from .* but the key from \/tls\/a.key$/],
  [false, true, /takes the key from .* but the certificate from \/tls\/a.crt$/],
] as const)
  test(`half of it is live: ${one ? 'the certificate' : 'the key'}`, () => {
    const half = place('a', { live: { certificate: one, key: other }, ...of('a.example') })
    assert.match(chosen([half], certificate('a.example')), expected)
  })

const authority = await testAuthority(instant(Date.UTC(2030, 0, 1)))
const { leafDer, key } = await authority.issue([parseIdentifier('a.example')])

/** A machine with a store, reached by a link, and with two certificates in it. */
async function machine() {
  const runtime = fakeRuntime()
  const { files } = runtime
  for (const name of ['site', 'other']) {
    await files.put(`/disk/state/certificates/${name}/1/fullchain.pem`, encodePem('CERTIFICATE', leafDer))
    await files.put(`/disk/state/certificates/${name}/1/privkey.pem`, key)
    await files.makeDirectory('/disk/state/live', 0o700)
    await files.replaceLink(`/disk/state/live/${name}`, `../certificates/${name}/1`)
  }
  await files.replaceLink('/state', '/disk/state')
  await files.makeDirectory('/tls', 0o755)
  await files.replaceLink('/tls/other', '/state/live/other')
  await files.put('/tls/a.crt', encodePem('CERTIFICATE', leafDer))
  await files.put('/tls/a.key', key)
  return async (certificateFile: string, keyFile: string, chainFile?: string) => {
    const given = {
      certificateFile,
      keyFile,
      source: '/conf',
      endpoints: [],
      ...(chainFile && { chainFile }),
    }
    const [seen] = await seePlaces([given], certificate('a.example'), runtime)
    return seen
  }
}

for (const [title, directory] of [
  ['by the way of the configuration', '/state/live/other'],
  ['where the store really is', '/disk/state/live/other'],
  ['by a link to its directory', '/tls/other'],
  ['in a generation', '/disk/state/certificates/site/1'],
] as const)
  test(`another certificate of the store is never written to: ${title}`, async () => {
    const see = await machine()
    const seen = await see(`${directory}/fullchain.pem`, `${directory}/privkey.pem`)
    assert.match(seen?.foreign ?? '', /^which is another certificate of Certwright/)
  })

test('nor are intermediates in the store, or those of the whole machine', async () => {
  const see = await machine()
  for (const chain of ['/state/live/other/chain.pem', '/state/live/site/chain.pem', '/etc/ssl/certs/ca.pem'])
    assert.notEqual((await see('/tls/a.crt', '/tls/a.key', chain))?.foreign, undefined, chain)
  assert.equal((await see('/tls/a.crt', '/tls/a.key', '/tls/chain.pem'))?.foreign, undefined)
})

test('what lies there is known by its names and its kind of key', async () => {
  const see = await machine()
  const seen = await see('/tls/a.crt', '/tls/a.key')
  const kind: KeyKind = 'ecdsa'
  assert.deepEqual([seen?.present, seen?.presentKind, seen?.problem], [['a.example'], kind, undefined])
})

test('a certificate with a full name is told from a place that waits for one', async () => {
  const see = await machine()
  assert.equal((await see('/tls/a.crt', '/tls/a.key'))?.isTaken, true)
  assert.equal((await see('/tls/none.crt', '/tls/none.key'))?.isTaken, false)
})
