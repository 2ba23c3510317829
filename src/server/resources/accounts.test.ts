import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  type Answer,
  assertProblem,
  baseUrl,
  createWorld,
  names,
  order,
  register,
  sessionFor,
} from '../../../test/support/acme-session.ts'
import { parseAccount } from '../../acme/account.ts'
import { parseUrl } from '../../acme/wire.ts'
import { encodeBase64url } from '../../base/base64url.ts'
import { signExternalAccountBinding } from '../../jose/external-account-binding.ts'
import { generateAccountKey } from '../../x509/key.ts'

const newAccountUrl = `${baseUrl}/new-account`
const termsOfService = 'https://ca.test/terms'

describe('newAccount', () => {
  it('creates an account, finds it again by its key, and then ignores the other members', async () => {
    await using world = await createWorld()
    const session = sessionFor(world, await generateAccountKey('ES256'))
    const contact = ['mailto:admin@example.com']
    const created = await session.post(newAccountUrl, { contact, termsOfServiceAgreed: true })
    assert.equal(created.status, 201)
    const location = created.headers.get('location') ?? ''
    assert.deepEqual(parseAccount(parseUrl(location), created.json), {
      url: location,
      status: 'valid',
      contact,
      termsOfServiceAgreed: true,
      orders: `${location}/orders`,
    })
    for (const payload of [{ contact: [] }, { onlyReturnExisting: true }]) {
      const found = await session.post(newAccountUrl, payload)
      assert.equal(found.status, 200)
      assert.equal(found.headers.get('location'), location)
      assert.deepEqual(found.json['contact'], contact)
    }
  })

  it('onlyReturnExisting makes no account', async () => {
    await using world = await createWorld()
    const session = sessionFor(world, await generateAccountKey('ES256'))
    for (const _ of [1, 2])
      assertProblem(
        await session.post(newAccountUrl, { onlyReturnExisting: true }),
        'accountDoesNotExist',
        400,
      )
  })

  it('the same key at the same time makes one account', async () => {
    await using world = await createWorld()
    const session = sessionFor(world, await generateAccountKey('ES256'))
    const answers = await Promise.all([session.post(newAccountUrl, {}), session.post(newAccountUrl, {})])
    assert.deepEqual(answers.map(({ status }) => status).sort(ascending), [200, 201])
    assert.equal(answers[0].headers.get('location'), answers[1].headers.get('location'))
  })

  it('terms must be agreed to, where there are any', async () => {
    await using world = await createWorld({ termsOfService })
    const session = sessionFor(world, await generateAccountKey('ES256'))
    for (const payload of [{}, { termsOfServiceAgreed: false }]) {
      const answer = await session.post(newAccountUrl, payload)
      assertProblem(answer, 'userActionRequired', 403)
      assert.equal(answer.json['instance'], termsOfService)
      assert.ok(answer.headers.get('link')?.includes(`<${termsOfService}>;rel="terms-of-service"`))
    }
    assert.equal((await session.post(newAccountUrl, { termsOfServiceAgreed: true })).status, 201)
  })

  for (const [contact, type] of [
    ['tel:+12025551212', 'unsupportedContact'],
    ['https://example.com/', 'unsupportedContact'],
    ['admin@example.com', 'unsupportedContact'],
    ['MAILTO:admin@example.com', 'unsupportedContact'],
    ['mailto:', 'invalidContact'],
    ['mailto:admin', 'invalidContact'],
    ['mailto:admin@localhost', 'invalidContact'],
    ['mailto:admin@192.0.2.1', 'invalidContact'],
    ['mailto:a@example.com,b@example.com', 'invalidContact'],
    ['mailto:a@example.com?subject=x', 'invalidContact'],
    ['mailto:a b@example.com', 'invalidContact'],
    ['mailto:a@b@example.com', 'invalidContact'],
    ['mailto:a@exa_mple.com', 'invalidContact'],
  ] as const) {
    it(`the contact ${contact} is refused: ${type}`, async () => {
      await using world = await createWorld()
      const key = await generateAccountKey('ES256')
      assertProblem(await sessionFor(world, key).post(newAccountUrl, { contact: [contact] }), type, 400)
      const session = await register(world)
      assertProblem(await session.post(session.kid, { contact: [contact] }), type, 400)
    })
  }

  it('more than ten contacts are too many', async () => {
    await using world = await createWorld()
    const session = sessionFor(world, await generateAccountKey('ES256'))
    const contact = Array.from({ length: 11 }, (_, index) => `mailto:a${index}@example.com`)
    assertProblem(await session.post(newAccountUrl, { contact }), 'invalidContact', 400)
    assert.equal((await session.post(newAccountUrl, { contact: contact.slice(1) })).status, 201)
  })
})

describe('an account', () => {
  it('is updated by its holder; status, orders and terms are not theirs to write', async () => {
    await using world = await createWorld()
    const session = await register(world)
    const contact = ['mailto:new@example.com']
    const update = { contact, status: 'revoked', orders: 'x', termsOfServiceAgreed: true }
    const updated = await session.post(session.kid, update)
    assert.equal(updated.status, 200)
    const read = await session.post(session.kid, '')
    assert.deepEqual(read.json, {
      status: 'valid',
      contact,
      termsOfServiceAgreed: false,
      orders: `${session.kid}/orders`,
    })
    assert.deepEqual(updated.json, read.json)
  })

  it('once deactivated, can do nothing more, and its key neither', async () => {
    await using world = await createWorld()
    const session = await register(world)
    const { url } = await order(session, names('www.example.com'))
    const answer = await session.post(session.kid, { status: 'deactivated' })
    assert.deepEqual([answer.status, answer.json['status']], [200, 'deactivated'])
    for (const [target, payload] of [
      [session.kid, ''],
      [session.kid, { status: 'valid' }],
      [`${session.kid}/orders`, ''],
      [url, ''],
      [`${baseUrl}/new-order`, { identifiers: names('www.example.com') }],
    ] as const)
      assertProblem(await session.post(target, payload), 'unauthorized', 401)
    const byKey = sessionFor(world, session.key)
    assertProblem(await byKey.post(newAccountUrl, {}), 'unauthorized', 401)
    assertProblem(await byKey.post(newAccountUrl, { onlyReturnExisting: true }), 'unauthorized', 401)
  })

  it('lists its orders but for the invalid ones, a hundred at a time', async () => {
    await using world = await createWorld()
    const session = await register(world)
    const stranger = await register(world)
    await order(stranger, names('stranger.example.com'))
    const failing = await order(session, names('failing.example.com'))
    const urls: string[] = []
    for (let count = 0; count < 101; count += 1)
      urls.push((await order(session, names(`n${count}.example.com`))).url)
    const [authorization = ''] = failing.json['authorizations'] as readonly string[]
    await session.post(`${authorization}/http-01`, {}) // nothing is there, so it fails

    const first = await session.post(`${session.kid}/orders`, '')
    const next = /<([^>]+)>;rel="next"/.exec(first.headers.get('link') ?? '')?.[1] ?? ''
    const second = await session.post(next, '')
    assert.equal((first.json['orders'] as readonly string[]).length, 100)
    assert.deepEqual([...(first.json['orders'] as []), ...(second.json['orders'] as [])], urls)
    assert.ok(!second.headers.get('link')?.includes('next'))
  })
})

describe('external account binding', async () => {
  const hmacKey = new Uint8Array(32).fill(7)
  const externalAccounts = new Map([
    ['kid-1', hmacKey],
    ['kid-2', new Uint8Array(32).fill(8)],
  ])

  it('is shown again, and each external account serves once', async () => {
    await using world = await createWorld({ externalAccounts })
    const accountKey = await generateAccountKey('ES256')
    const binding = (key: typeof accountKey) =>
      signExternalAccountBinding({ keyId: 'kid-1', hmacKey, url: newAccountUrl, accountKey: key })
    const externalAccountBinding = binding(accountKey)
    const created = await sessionFor(world, accountKey).post(newAccountUrl, { externalAccountBinding })
    assert.equal(created.status, 201)
    assert.deepEqual(created.json['externalAccountBinding'], externalAccountBinding)

    const other = await generateAccountKey('ES256')
    const second = await sessionFor(world, other).post(newAccountUrl, {
      externalAccountBinding: binding(other),
    })
    assertProblem(second, 'unauthorized', 403)
    const again = await sessionFor(world, accountKey).post(newAccountUrl, {})
    assert.equal(again.status, 200, 'an account that exists needs no binding')
  })

  it('is not reflected by a server that does not ask for it', async () => {
    await using world = await createWorld()
    const accountKey = await generateAccountKey('ES256')
    const externalAccountBinding = signExternalAccountBinding({
      keyId: 'x',
      hmacKey,
      url: newAccountUrl,
      accountKey,
    })
    const created = await sessionFor(world, accountKey).post(newAccountUrl, { externalAccountBinding })
    assert.deepEqual([created.status, created.json['externalAccountBinding']], [201, undefined])
  })

  const accountKey = await generateAccountKey('ES256')
  const good = { keyId: 'kid-1', hmacKey, url: newAccountUrl, accountKey }
  const binding = (change: Partial<Parameters<typeof signExternalAccountBinding>[0]>) =>
    signExternalAccountBinding({ ...good, ...change })
  const withHeader = (header: object) => ({
    ...binding({}),
    protected: encodeBase64url(JSON.stringify(header)),
  })
  const rows: readonly (readonly [string, unknown, string, number])[] = [
    ['is missing', undefined, 'externalAccountRequired', 403],
    ['is no object', 'x', 'malformed', 400],
    ['is empty', {}, 'malformed', 400],
    ['names an unknown key id', binding({ keyId: 'kid-3' }), 'unauthorized', 403],
    ['is made with the key of another id', binding({ keyId: 'kid-2' }), 'unauthorized', 403],
    ['is made with the wrong key', binding({ hmacKey: new Uint8Array(32) }), 'unauthorized', 403],
    ['is for another URL', binding({ url: `${baseUrl}/new-order` }), 'unauthorized', 403],
    [
      'is for another account key',
      binding({ accountKey: await generateAccountKey('ES256') }),
      'unauthorized',
      403,
    ],
    [
      'has a changed MAC',
      { ...binding({}), signature: encodeBase64url(new Uint8Array(32)) },
      'unauthorized',
      403,
    ],
    ['has a short MAC', { ...binding({}), signature: 'AAAA' }, 'unauthorized', 403],
    ['has a changed payload', { ...binding({}), payload: 'e30' }, 'unauthorized', 403],
    [
      'has a nonce',
      withHeader({ alg: 'HS256', kid: 'kid-1', url: newAccountUrl, nonce: 'AAAA' }),
      'malformed',
      400,
    ],
    [
      'has a signature algorithm',
      withHeader({ alg: 'ES256', kid: 'kid-1', url: newAccountUrl }),
      'malformed',
      400,
    ],
    ['has alg none', withHeader({ alg: 'none', kid: 'kid-1', url: newAccountUrl }), 'malformed', 400],
    ['has no kid', withHeader({ alg: 'HS256', url: newAccountUrl }), 'malformed', 400],
  ]
  for (const [name, externalAccountBinding, type, status] of rows) {
    it(`is refused when it ${name}`, async () => {
      await using world = await createWorld({ externalAccounts })
      const session = sessionFor(world, accountKey)
      assertProblem(await session.post(newAccountUrl, { externalAccountBinding }), type, status)
      const retry: Answer = await session.post(newAccountUrl, { externalAccountBinding: binding({}) })
      assert.equal(retry.status, 201, 'the external account must still be free')
    })
  }
})

function ascending(a: number, b: number): number {
  return a - b
}
