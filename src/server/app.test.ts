import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  assertProblem,
  baseUrl,
  createWorld,
  csrFor,
  names,
  obtain,
  order,
  prove,
  read,
  register,
  sendRaw,
} from '../../test/support/acme-session.ts'
import { parseDirectory } from '../acme/directory.ts'
import { parseOrder } from '../acme/order.ts'
import { parseUrl } from '../acme/wire.ts'
import { dayMs } from '../base/instant.ts'
import { parseCertificate } from '../x509/certificate.ts'
import { checkChain } from '../x509/chain.ts'
import { generateKey, samePublicKey } from '../x509/key.ts'
import { parsePem } from '../x509/pem.ts'

const get = (url: string, method = 'GET') => new Request(url, { method })

describe('the whole way, from an account to a certificate', () => {
  it('names and addresses are proven one by one, and the chain is what was ordered', async () => {
    await using world = await createWorld()
    const session = await register(world, { contact: ['mailto:admin@example.com'] })
    const identifiers = [
      ...names('www.example.com', 'example.com'),
      { type: 'ip', value: '127.0.0.9' },
      { type: 'ip', value: '::1' },
    ] as const
    const created = await order(session, identifiers)
    assert.equal(created.json['status'], 'pending')

    const key = await generateKey('ecdsa-p256')
    const finalize = String(created.json['finalize'])
    assertProblem(await session.post(finalize, csrFor(identifiers, key)), 'orderNotReady', 403)
    await prove(world, session, created)
    assert.equal(world.visits.length, 4)
    assert.equal((await session.post(created.url, '')).json['status'], 'ready')

    const finalized = await session.post(finalize, csrFor(identifiers, key))
    assert.equal(finalized.headers.get('location'), created.url)
    const url = parseUrl(created.url)
    const parsed = parseOrder(url, finalized.json)
    assert.ok(parsed.status === 'valid')
    assertProblem(await session.post(finalize, csrFor(identifiers, key)), 'orderNotReady', 403)

    const download = await session.post(parsed.certificate, '')
    assert.equal(download.headers.get('content-type'), 'application/pem-certificate-chain')
    const chain = parsePem(download.text, 'CERTIFICATE').map(parseCertificate)
    const [leaf] = chain
    assert.ok(leaf)
    assert.equal(chain.length, 2)
    assert.equal(checkChain(chain, { roots: [world.issuer.root], at: world.clock.now() }), undefined)
    assert.deepEqual(leaf.identifiers, identifiers)
    assert.ok(samePublicKey(leaf.publicKey, key))
    assert.equal(leaf.notAfter - leaf.notBefore, 90 * dayMs - 1_000)
  })

  it('the longer chain is linked as an alternate, and leads back', async () => {
    await using world = await createWorld()
    const session = await register(world)
    const { url } = await obtain(world, session, names('www.example.com'))
    const first = await session.post(url, '')
    assert.ok(
      first.headers.get('link')?.includes(`<${url}/1>;rel="alternate"`),
      first.headers.get('link') ?? '',
    )
    const second = await session.post(`${url}/1`, '')
    assert.equal(parsePem(second.text, 'CERTIFICATE').length, 3)
    assert.ok(second.text.startsWith(first.text))
    assert.ok(second.headers.get('link')?.includes(`<${url}>;rel="alternate"`))
    assertProblem(await session.post(`${url}/2`, ''), 'malformed', 404)
    assertProblem(await session.post(`${url}/x`, ''), 'malformed', 404)
  })
})

describe('the directory', () => {
  it('names every resource below the base URL, whatever Host says', async () => {
    await using world = await createWorld()
    const request = new Request('https://evil.test/acme/directory', { headers: { host: 'evil.test' } })
    const directory = parseDirectory((await read(await world.server.fetch(request))).json)
    const { meta, ...resources } = directory
    assert.deepEqual(Object.keys(resources).sort(), [
      'keyChange',
      'newAccount',
      'newNonce',
      'newOrder',
      'renewalInfo',
      'revokeCert',
    ])
    for (const url of Object.values(resources)) assert.ok(url.startsWith(`${baseUrl}/`), url)
    assert.deepEqual(meta, { caaIdentities: [], externalAccountRequired: false, profiles: new Map() })
    assert.equal(world.server.directoryUrl, `${baseUrl}/directory`)
  })

  it('has what was configured in its meta member', async () => {
    await using world = await createWorld({
      termsOfService: 'https://ca.test/terms',
      website: 'https://ca.test/',
      caaIdentities: ['ca.test'],
      externalAccounts: new Map([['kid-1', new Uint8Array(32)]]),
      profiles: new Map([['short', { description: 'six days', certificateLifetimeMs: 6 * dayMs }]]),
    })
    const { json } = await read(await world.server.fetch(get(`${baseUrl}/directory`)))
    assert.deepEqual(parseDirectory(json).meta, {
      termsOfService: 'https://ca.test/terms',
      website: 'https://ca.test/',
      caaIdentities: ['ca.test'],
      externalAccountRequired: true,
      profiles: new Map([['short', 'six days']]),
    })
  })
})

describe('HTTP', () => {
  it('newNonce answers HEAD with 200 and GET with 204, each with a nonce of its own', async () => {
    await using world = await createWorld()
    const url = `${baseUrl}/new-nonce`
    const head = await world.server.fetch(get(url, 'HEAD'))
    const got = await world.server.fetch(get(url))
    assert.deepEqual([head.status, got.status], [200, 204])
    assert.equal(await got.text(), '')
    assert.equal(got.headers.get('cache-control'), 'no-store')
    assert.notEqual(head.headers.get('replay-nonce'), got.headers.get('replay-nonce'))
  })

  it('every reply has a nonce and the link to the directory', async () => {
    await using world = await createWorld()
    const session = await register(world)
    const answers = [
      await read(await world.server.fetch(get(`${baseUrl}/directory`))),
      await read(await world.server.fetch(get(`${baseUrl}/nowhere`))),
      await sendRaw(world, `${baseUrl}/new-order`, 'nonsense'),
      await session.post(session.kid, ''),
      await session.post(`${baseUrl}/new-order`, { identifiers: names('a.example.com') }),
    ]
    for (const { headers } of answers) {
      assert.match(headers.get('replay-nonce') ?? '', /^[\w-]{22}$/)
      assert.ok(headers.get('link')?.includes(`<${baseUrl}/directory>;rel="index"`))
    }
  })

  for (const [method, path, allow] of [
    ['POST', 'directory', 'GET, HEAD'],
    ['DELETE', 'new-nonce', 'GET, HEAD'],
    ['GET', 'new-order', 'POST'],
    ['GET', 'order/AAAAAAAAAAAAAAAAAAAAAA', 'POST'],
    ['GET', 'certificate/AAAAAAAAAAAAAAAAAAAAAA', 'POST'],
    ['PUT', 'revoke-cert', 'POST'],
    ['POST', 'renewal-info/a.b', 'GET, HEAD'],
  ] as const) {
    it(`${method} ${path} is not allowed`, async () => {
      await using world = await createWorld()
      const answer = await read(await world.server.fetch(get(`${baseUrl}/${path}`, method)))
      assertProblem(answer, 'malformed', 405)
      assert.equal(answer.headers.get('allow'), allow)
    })
  }

  for (const path of [
    '',
    '/',
    '/acme',
    '/acme/',
    '/acme/directory/',
    '/directory',
    '/acme/order',
    '/acme/../x',
  ]) {
    it(`${path || '(nothing)'} is not there`, async () => {
      await using world = await createWorld()
      assertProblem(await read(await world.server.fetch(get(`https://ca.test${path}`))), 'malformed', 404)
    })
  }
})

describe('what belongs to one account', () => {
  it('is not there for another', async () => {
    await using world = await createWorld()
    const owner = await register(world)
    const other = await register(world)
    const { url, order: finalized } = await obtain(world, owner, names('www.example.com'))
    const orderUrl = finalized.headers.get('location') ?? ''
    const [authorization = ''] = finalized.json['authorizations'] as readonly string[]
    const rows: readonly (readonly [string, unknown])[] = [
      [owner.kid, ''],
      [`${owner.kid}/orders`, ''],
      [orderUrl, ''],
      [`${orderUrl}/finalize`, { csr: '' }],
      [authorization, ''],
      [authorization, { status: 'deactivated' }],
      [`${authorization}/http-01`, {}],
      [url, ''],
    ]
    for (const [target, payload] of rows) assertProblem(await other.post(target, payload), 'malformed', 404)
    assert.equal((await owner.post(authorization, '')).json['status'], 'valid')
  })
})

it('after its end, the server starts no validation', async () => {
  const world = await createWorld({ holdRepliesMs: 0 })
  const session = await register(world)
  const created = await order(session, names('www.example.com'))
  await world.server[Symbol.asyncDispose]()
  await prove(world, session, created)
  assert.deepEqual(world.visits, [])
})

for (const url of [
  'http://ca.test',
  'ca.test',
  'https://ca.test/?x',
  'https://user@ca.test/',
  'https://ca.test/#a',
]) {
  it(`${url} cannot be the base URL`, async () => {
    await assert.rejects(createWorld({ baseUrl: url }), { code: 'ERR_FORMAT' })
  })
}
