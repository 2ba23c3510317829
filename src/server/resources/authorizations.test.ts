import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  type Answer,
  assertProblem,
  createWorld,
  names,
  order,
  prove,
  register,
  type Session,
  type World,
} from '../../../test/support/acme-session.ts'
import { parseAuthorization } from '../../acme/authorization.ts'
import { problemPrefix } from '../../acme/problem.ts'
import { parseUrl } from '../../acme/wire.ts'
import { dayMs } from '../../base/instant.ts'

/** An order for one name, and where its authorization and challenge are. */
async function oneName(session: Session) {
  const created = await order(session, names('www.example.com'))
  const [url = ''] = created.json['authorizations'] as readonly string[]
  return { created, url, challenge: `${url}/http-01` }
}

const parsed = (url: string, { json }: Answer) => parseAuthorization(parseUrl(url), json)

describe('an authorization', () => {
  it('offers one http-01 challenge with an unguessable token', async () => {
    await using world = await createWorld()
    const session = await register(world)
    const { url, challenge } = await oneName(session)
    const authorization = parsed(url, await session.post(url, ''))
    assert.deepEqual(authorization.identifier, { type: 'dns', value: 'www.example.com' })
    assert.deepEqual([authorization.status, authorization.wildcard], ['pending', false])
    assert.equal(authorization.expires, world.clock.now() + 7 * dayMs)
    const [offered, ...more] = authorization.challenges
    assert.ok(offered?.type === 'http-01')
    assert.deepEqual([offered.url, offered.status, more.length], [challenge, 'pending', 0])
    assert.match(offered.token, /^[\w-]{22}$/)
  })

  it('becomes valid with its challenge, which tells when', async () => {
    await using world = await createWorld()
    const session = await register(world)
    const { created, url, challenge } = await oneName(session)
    await prove(world, session, created)
    const authorization = parsed(url, await session.post(url, ''))
    assert.equal(authorization.status, 'valid')
    const [offered] = authorization.challenges
    assert.ok(offered?.status === 'valid')
    assert.equal(offered.validated, world.clock.now())
    const shown = await session.post(challenge, '')
    assert.equal(shown.json['status'], 'valid')
    assert.ok(shown.headers.get('link')?.includes(`<${url}>;rel="up"`))
  })

  it('becomes invalid with its challenge, for good, and says what was seen', async () => {
    await using world = await createWorld()
    const session = await register(world)
    const { created, url, challenge } = await oneName(session)
    const answer = await session.post(challenge, {})
    assert.equal(answer.status, 200)
    assert.equal(answer.json['status'], 'invalid')
    const error = answer.json['error'] as Readonly<Record<string, string>>
    assert.equal(error['type'], `${problemPrefix}unauthorized`)
    assert.match(error['detail'] ?? '', /127\.0\.0\.1.*404.*nothing here/)

    await prove(world, session, created) // does nothing: it is not pending
    const again = await session.post(challenge, {})
    assert.equal(again.json['status'], 'invalid')
    assert.equal(world.visits.length, 1, 'a failed challenge is not tried again')
    assert.equal((await session.post(url, '')).json['status'], 'invalid')
    assert.equal((await session.post(created.url, '')).json['status'], 'invalid')
  })

  it('is deactivated while pending or valid, not when it failed', async () => {
    await using world = await createWorld()
    const session = await register(world)
    const pending = await oneName(session)
    const valid = await oneName(session)
    await prove(world, session, valid.created)
    const failed = await oneName(session)
    await session.post(failed.challenge, {})
    for (const { url } of [pending, valid, valid]) {
      const answer = await session.post(url, { status: 'deactivated' })
      assert.deepEqual([answer.status, answer.json['status']], [200, 'deactivated'])
    }
    assertProblem(await session.post(failed.url, { status: 'deactivated' }), 'malformed', 400)
    assert.equal((await session.post(pending.challenge, {})).json['status'], 'pending')
    assert.equal(world.visits.length, 2, 'a deactivated one is not validated')
  })

  for (const payload of [{}, { status: 'valid' }, { status: 'revoked' }, { status: 1 }]) {
    it(`is not changed by ${JSON.stringify(payload)}`, async () => {
      await using world = await createWorld()
      const session = await register(world)
      const { url } = await oneName(session)
      assertProblem(await session.post(url, payload), 'malformed', 400)
      assert.equal((await session.post(url, '')).json['status'], 'pending')
    })
  }

  it('expires', async () => {
    await using world = await createWorld()
    const session = await register(world)
    const { url, challenge } = await oneName(session)
    world.clock.jump(7 * dayMs)
    assert.equal((await session.post(url, '')).json['status'], 'expired')
    await session.post(challenge, {})
    assert.deepEqual(world.visits, [])
  })
})

describe('a challenge', () => {
  it('of another type is not there', async () => {
    await using world = await createWorld()
    const session = await register(world)
    const { url } = await oneName(session)
    assertProblem(await session.post(`${url}/dns-01`, {}), 'malformed', 404)
    assertProblem(await session.post(`${url}/`, {}), 'malformed', 404)
  })

  it('is not started by a read, nor by a payload that is no object', async () => {
    await using world = await createWorld()
    const session = await register(world)
    const { challenge } = await oneName(session)
    assert.equal((await session.post(challenge, '')).json['status'], 'pending')
    assertProblem(await session.post(challenge, []), 'malformed', 400)
    assertProblem(await session.post(challenge, 'x'), 'malformed', 400)
    assert.deepEqual(world.visits, [])
  })

  it('is processing while validation takes its time: come back later', async () => {
    const { world, release } = await slowWorld()
    await using _ = world
    const session = await register(world)
    const { created, url, challenge } = await oneName(session)
    const proving = prove(world, session, created)
    await waitFor(() => world.visits.length === 1)
    await world.clock.advance(1_000) // longer than replies are held
    await proving
    for (const target of [url, challenge]) {
      const answer = await session.post(target, '')
      assert.equal(answer.headers.get('retry-after'), '3')
    }
    assert.equal((await session.post(challenge, '')).json['status'], 'processing')
    assert.equal((await session.post(challenge, {})).json['status'], 'processing')
    assert.equal((await session.post(url, '')).json['status'], 'pending')
    release()
    await waitFor(async () => (await session.post(url, '')).json['status'] === 'valid')
    assert.equal((await session.post(url, '')).headers.get('retry-after'), null)
    assert.equal(world.visits.length, 1)
  })

  it('that is never answered fails after 20 seconds', async () => {
    const { world } = await slowWorld()
    await using _ = world
    const session = await register(world)
    const { created, challenge } = await oneName(session)
    const proving = prove(world, session, created)
    await waitFor(() => world.visits.length === 1)
    await world.clock.advance(20_000)
    await proving
    const { json } = await session.post(challenge, '')
    assert.equal(json['status'], 'invalid')
    assert.equal((json['error'] as Readonly<Record<string, string>>)['type'], `${problemPrefix}connection`)
  })

  it('that is going on when the server ends is aborted, and its end awaited', async () => {
    const { world } = await slowWorld()
    const session = await register(world)
    const { created, challenge } = await oneName(session)
    const proving = prove(world, session, created)
    await waitFor(() => world.visits.length === 1)
    await world.server[Symbol.asyncDispose]()
    await proving
    const { json } = await session.post(challenge, '')
    assert.equal(json['status'], 'processing', 'nothing was found out')
  })
})

/** A world whose resolver answers only when it is released. */
async function slowWorld(): Promise<{ readonly world: World; readonly release: () => void }> {
  const { promise, resolve: release } = Promise.withResolvers<void>()
  const visits: string[] = []
  const world = await createWorld({
    retryAfterMs: 2_500,
    validation: {
      allowedNetworks: ['127.0.0.0/8'],
      resolver: {
        addresses: async (name, { signal } = {}) => {
          visits.push(name)
          await Promise.race([promise, aborted(signal)])
          return ['127.0.0.1']
        },
      },
    },
  })
  return { world: { ...world, visits }, release }
}

function aborted(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(new Error('aborted'))))
}

/** Gives other work turns until it has come as far as needed. */
async function waitFor(reached: () => boolean | Promise<boolean>): Promise<void> {
  for (let turn = 0; turn < 1_000; turn += 1) {
    if (await reached()) return
    await new Promise(resolve => setImmediate(resolve))
  }
  assert.fail('never came that far')
}
