import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  type Answer,
  assertProblem,
  baseUrl,
  createWorld,
  names,
  obtain,
  order,
  prove,
  register,
} from '../../../test/support/acme-session.ts'
import { parseOrder } from '../../acme/order.ts'
import { problemPrefix } from '../../acme/problem.ts'
import { parseUrl } from '../../acme/wire.ts'
import { dayMs, hourMs } from '../../base/instant.ts'
import { certificateId } from '../../x509/cert-id.ts'
import { parseCertificate } from '../../x509/certificate.ts'
import { parsePem } from '../../x509/pem.ts'

const newOrderUrl = `${baseUrl}/new-order`

describe('newOrder', () => {
  it('gives an order with one authorization for each identifier, and each identifier once', async () => {
    await using world = await createWorld()
    const session = await register(world)
    const created = await order(session, names('a.example.com', 'b.example.com', 'a.example.com'))
    const parsed = parseOrder(parseUrl(created.url), created.json)
    assert.equal(parsed.status, 'pending')
    assert.deepEqual(parsed.identifiers, names('a.example.com', 'b.example.com'))
    assert.equal(new Set(parsed.authorizations).size, 2)
    assert.equal(parsed.finalize, `${created.url}/finalize`)
    assert.equal(parsed.expires, world.clock.now() + 7 * dayMs)
    assert.deepEqual((await session.post(created.url, '')).json, created.json)
  })

  const dns = (value: string) => [{ type: 'dns', value }]
  const ip = (value: string) => [{ type: 'ip', value }]
  const rows: readonly (readonly [string, Readonly<Record<string, unknown>>, string])[] = [
    ['no identifiers', {}, 'malformed'],
    ['an empty list', { identifiers: [] }, 'malformed'],
    ['identifiers that are texts', { identifiers: ['www.example.com'] }, 'malformed'],
    ['an identifier without a value', { identifiers: [{ type: 'dns' }] }, 'malformed'],
    [
      '101 identifiers',
      { identifiers: names(...Array.from({ length: 101 }, (_, i) => `n${i}.example.com`)) },
      'malformed',
    ],
    ['notBefore', { identifiers: dns('a.example.com'), notBefore: '2030-01-01T00:00:00Z' }, 'malformed'],
    ['notAfter', { identifiers: dns('a.example.com'), notAfter: '2030-01-01T00:00:00Z' }, 'malformed'],
    ['an unknown profile', { identifiers: dns('a.example.com'), profile: 'gold' }, 'invalidProfile'],
    ['replaces of nothing', { identifiers: dns('a.example.com'), replaces: 'AAAA.AAAA' }, 'malformed'],
    [
      'a type nobody knows',
      { identifiers: [{ type: 'email', value: 'a@example.com' }] },
      'unsupportedIdentifier',
    ],
    ['a wildcard', { identifiers: dns('*.example.com') }, 'rejectedIdentifier'],
    ['upper case', { identifiers: dns('WWW.example.com') }, 'rejectedIdentifier'],
    ['a final dot', { identifiers: dns('www.example.com.') }, 'rejectedIdentifier'],
    ['one label', { identifiers: dns('localhost') }, 'rejectedIdentifier'],
    ['an underscore', { identifiers: dns('_dmarc.example.com') }, 'rejectedIdentifier'],
    ['Unicode', { identifiers: dns('bücher.example') }, 'rejectedIdentifier'],
    ['white space', { identifiers: dns(' www.example.com') }, 'rejectedIdentifier'],
    ['nothing as a name', { identifiers: dns('') }, 'rejectedIdentifier'],
    ['a URL', { identifiers: dns('https://www.example.com/') }, 'rejectedIdentifier'],
    ['an address as a name', { identifiers: dns('192.0.2.1') }, 'rejectedIdentifier'],
    ['a name as an address', { identifiers: ip('www.example.com') }, 'rejectedIdentifier'],
    ['an address with leading zeros', { identifiers: ip('192.000.002.001') }, 'rejectedIdentifier'],
    ['IPv6 not in RFC 5952 form', { identifiers: ip('2001:DB8::1') }, 'rejectedIdentifier'],
    ['IPv6 in brackets', { identifiers: ip('[2001:db8::1]') }, 'rejectedIdentifier'],
    ['control characters', { identifiers: dns('a\u0000.example.com') }, 'rejectedIdentifier'],
  ]
  for (const [name, payload, type] of rows) {
    it(`refuses ${name}: ${type}`, async () => {
      await using world = await createWorld()
      const session = await register(world)
      assertProblem(await session.post(newOrderUrl, payload), type, 400)
      assert.deepEqual((await session.post(`${session.kid}/orders`, '')).json['orders'], [])
    })
  }

  it('says why a wildcard cannot be had', async () => {
    await using world = await createWorld()
    const answer = await (await register(world)).post(newOrderUrl, { identifiers: dns('*.example.com') })
    assert.match(assertProblem(answer, 'rejectedIdentifier'), /wildcard.*dns-01.*http-01/)
  })

  it('refuses several identifiers at once, each with its own problem', async () => {
    await using world = await createWorld()
    const identifiers = [
      ...names('good.example.com', '*.example.com'),
      { type: 'email', value: 'a@example.com' },
    ]
    const answer = await (await register(world)).post(newOrderUrl, { identifiers })
    assertProblem(answer, 'compound', 400)
    const subproblems = answer.json['subproblems'] as readonly Readonly<Record<string, unknown>>[]
    assert.deepEqual(
      subproblems.map(({ type, identifier }) => [type, identifier]),
      [
        [`${problemPrefix}rejectedIdentifier`, identifiers[1]],
        [`${problemPrefix}unsupportedIdentifier`, identifiers[2]],
      ],
    )
  })
})

describe('an order', () => {
  it('becomes invalid when it expires before it is finalized', async () => {
    await using world = await createWorld({ orderLifetimeMs: hourMs })
    const session = await register(world)
    const pending = await order(session, names('a.example.com'))
    const ready = await order(session, names('b.example.com'))
    await prove(world, session, ready)
    assert.equal((await session.post(ready.url, '')).json['status'], 'ready')
    world.clock.jump(hourMs)
    for (const { url } of [pending, ready])
      assert.equal((await session.post(url, '')).json['status'], 'invalid')
    const finalize = await session.post(String(ready.json['finalize']), { csr: '' })
    assert.match(assertProblem(finalize, 'orderNotReady', 403), /invalid/)
  })

  it('becomes invalid when one of its authorizations is deactivated', async () => {
    await using world = await createWorld()
    const session = await register(world)
    const { json, url } = await order(session, names('a.example.com', 'b.example.com'))
    const [first = ''] = json['authorizations'] as readonly string[]
    assert.equal((await session.post(first, { status: 'deactivated' })).json['status'], 'deactivated')
    assert.equal((await session.post(url, '')).json['status'], 'invalid')
  })

  it('stays valid when its authorization is deactivated after the issuance', async () => {
    await using world = await createWorld()
    const session = await register(world)
    const { order: finalized } = await obtain(world, session, names('a.example.com'))
    const [first = ''] = finalized.json['authorizations'] as readonly string[]
    await session.post(first, { status: 'deactivated' })
    const read = await session.post(finalized.headers.get('location') ?? '', '')
    assert.equal(read.json['status'], 'valid')
  })
})

describe('profiles', () => {
  it('decide over the lifetime and are shown in the order', async () => {
    const profiles = new Map([['short', { description: 'six days', certificateLifetimeMs: 6 * dayMs }]])
    await using world = await createWorld({ profiles })
    const session = await register(world)
    const { pem, order: finalized } = await obtain(world, session, names('a.example.com'), {
      profile: 'short',
    })
    assert.equal(finalized.json['profile'], 'short')
    assert.equal(lifetimeMs(pem), 6 * dayMs - 1_000)
    const { pem: other, order: without } = await obtain(world, session, names('a.example.com'))
    assert.equal(without.json['profile'], undefined)
    assert.equal(lifetimeMs(other), 90 * dayMs - 1_000)
    const refused = await session.post(newOrderUrl, { identifiers: names('a.example.com'), profile: 'gold' })
    assert.match(assertProblem(refused, 'invalidProfile'), /short/)
  })
})

describe('authorizations', () => {
  const authorizations = ({ json }: Answer) => json['authorizations'] as readonly string[]

  it('serve once when reuse is off', async () => {
    await using world = await createWorld()
    const session = await register(world)
    const { order: first } = await obtain(world, session, names('a.example.com'))
    const second = await order(session, names('a.example.com'))
    assert.notDeepEqual(authorizations(second), authorizations(first))
    assert.equal(second.json['status'], 'pending')
  })

  it('serve the same account again, for as long as configured', async () => {
    await using world = await createWorld({ authorizationReuseMs: hourMs })
    const session = await register(world)
    const { order: first } = await obtain(world, session, names('a.example.com'))
    world.clock.jump(hourMs - 1)
    const second = await order(session, names('a.example.com'))
    assert.deepEqual(authorizations(second), authorizations(first))
    assert.equal(second.json['status'], 'ready')
    const wider = await order(session, names('a.example.com', 'b.example.com'))
    assert.ok(authorizations(wider).includes(authorizations(first)[0] ?? ''))
    assert.equal(wider.json['status'], 'pending')

    const stranger = await order(await register(world), names('a.example.com'))
    assert.notDeepEqual(authorizations(stranger), authorizations(first), 'never for another account')
    world.clock.jump(1)
    const late = await order(session, names('a.example.com'))
    assert.notDeepEqual(authorizations(late), authorizations(first))
  })

  it('do not serve once they were deactivated', async () => {
    await using world = await createWorld({ authorizationReuseMs: hourMs })
    const session = await register(world)
    const { order: first } = await obtain(world, session, names('a.example.com'))
    const [url = ''] = authorizations(first)
    await session.post(url, { status: 'deactivated' })
    assert.equal((await order(session, names('a.example.com'))).json['status'], 'pending')
  })

  it('bring their own expiry to the order that reuses them', async () => {
    await using world = await createWorld({ authorizationReuseMs: 30 * dayMs, orderLifetimeMs: 7 * dayMs })
    const session = await register(world)
    const start = world.clock.now()
    await obtain(world, session, names('a.example.com'))
    world.clock.jump(29 * dayMs)
    const { url, json } = await order(session, names('a.example.com', 'b.example.com'))
    assert.equal(parseOrder(parseUrl(url), json).expires, start + 30 * dayMs)
  })
})

describe('replaces (RFC 9773 §5)', () => {
  const renewalIdOf = (pem: string) => certificateId(leafOf(pem))

  it('is shown in the order; a second successor is refused while the first is alive', async () => {
    await using world = await createWorld({ orderLifetimeMs: hourMs })
    const session = await register(world)
    const { pem } = await obtain(world, session, names('a.example.com', 'b.example.com'))
    const replaces = renewalIdOf(pem)
    const identifiers = names('b.example.com', 'c.example.com')
    const successor = await order(session, identifiers, { replaces })
    assert.equal(successor.json['replaces'], replaces)
    assertProblem(await session.post(newOrderUrl, { identifiers, replaces }), 'alreadyReplaced', 409)
    world.clock.jump(hourMs)
    assert.equal((await session.post(successor.url, '')).json['status'], 'invalid')
    assert.equal(
      (await session.post(newOrderUrl, { identifiers, replaces })).status,
      201,
      'an invalid one frees it',
    )
  })

  it('is refused once the successor was issued', async () => {
    await using world = await createWorld()
    const session = await register(world)
    const first = await obtain(world, session, names('a.example.com'))
    const replaces = renewalIdOf(first.pem)
    await obtain(world, session, names('a.example.com'), { replaces })
    world.clock.jump(30 * dayMs)
    const again = await session.post(newOrderUrl, { identifiers: names('a.example.com'), replaces })
    assertProblem(again, 'alreadyReplaced', 409)
  })

  it("is refused for somebody else's certificate, and for one with other names", async () => {
    await using world = await createWorld()
    const session = await register(world)
    const { pem } = await obtain(world, session, names('a.example.com'))
    const replaces = renewalIdOf(pem)
    const other = await register(world)
    assertProblem(
      await other.post(newOrderUrl, { identifiers: names('a.example.com'), replaces }),
      'malformed',
      400,
    )
    assertProblem(
      await session.post(newOrderUrl, { identifiers: names('b.example.com'), replaces }),
      'malformed',
      400,
    )
    const { fingerprint } = leafOf(pem)
    const byFingerprint = { identifiers: names('a.example.com'), replaces: fingerprint }
    assertProblem(await session.post(newOrderUrl, byFingerprint), 'malformed', 400)
  })
})

function leafOf(pem: string) {
  const [der = assert.fail('no certificate')] = parsePem(pem, 'CERTIFICATE')
  return parseCertificate(der)
}

function lifetimeMs(pem: string): number {
  const { notBefore, notAfter } = leafOf(pem)
  return notAfter - notBefore
}
