import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { describe, it } from 'node:test'
import {
  type Answer,
  assertProblem,
  createWorld,
  csrFor,
  names,
  order,
  prove,
  register,
  type Session,
  type World,
} from '../../../test/support/acme-session.ts'
import { problemPrefix } from '../../acme/problem.ts'
import { decodeBase64url, encodeBase64url } from '../../base/base64url.ts'
import { createCsr } from '../../x509/csr.ts'
import { generateKey } from '../../x509/key.ts'
import type { IssueRequest } from '../issuance/issuer.ts'

const identifiers = names('a.example.com', 'b.example.com')

async function readyOrder(
  world: World,
): Promise<{ readonly session: Session; readonly created: Answer & { url: string } }> {
  const session = await register(world)
  const created = await order(session, identifiers)
  await prove(world, session, created)
  return { session, created }
}

const p256 = await generateKey('ecdsa-p256')
const csr = (named: typeof identifiers, key: KeyObject = p256) => csrFor(named, key)
const changedCsr = (change: (der: Uint8Array) => void) => {
  const der = decodeBase64url(csr(identifiers).csr)
  change(der)
  return { csr: encodeBase64url(der) }
}
const keyOf = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve }).privateKey
const rsaOf = (modulusLength: number) => generateKeyPairSync('rsa', { modulusLength }).privateKey

describe('a CSR is refused and the order stays ready, when', () => {
  const rows: readonly (readonly [string, string, unknown])[] = [
    ['it is missing', 'malformed', {}],
    ['it is a number', 'malformed', { csr: 7 }],
    ['the payload is empty', 'malformed', ''],
    ['it is empty', 'badCSR', { csr: '' }],
    ['it is not base64url', 'badCSR', { csr: '!!!' }],
    ['it has padding', 'badCSR', { csr: `${csr(identifiers).csr}==` }],
    ['it is PEM', 'badCSR', { csr: '-----BEGIN CERTIFICATE REQUEST-----' }],
    ['it is no DER', 'badCSR', { csr: encodeBase64url('hello') }],
    ['it is cut off', 'badCSR', { csr: encodeBase64url(createCsr(identifiers, p256).slice(0, -1)) }],
    [
      'something follows it',
      'badCSR',
      { csr: encodeBase64url(Buffer.concat([createCsr(identifiers, p256), Buffer.alloc(1)])) },
    ],
    ['its signature is wrong', 'badCSR', changedCsr(der => (der[der.length - 1] = (der.at(-1) ?? 0) ^ 1))],
    [
      'it was changed after signing',
      'badCSR',
      changedCsr(der => (der[Buffer.from(der).indexOf('a.example')] = 0x78)),
    ],
    ['a name is missing', 'badCSR', csr(names('a.example.com'))],
    ['a name is too many', 'badCSR', csr(names('a.example.com', 'b.example.com', 'c.example.com'))],
    ['a name is another', 'badCSR', csr(names('a.example.com', 'c.example.com'))],
    ['a name is a wildcard', 'badCSR', csr(names('a.example.com', '*.example.com'))],
    ['a name is an address', 'badCSR', csr([...names('a.example.com'), { type: 'ip', value: '127.0.0.1' }])],
    ['it names nothing', 'badCSR', csr([])],
    ['the key is on P-521', 'badCSR', csr(identifiers, keyOf('P-521'))],
    ['the key is on secp256k1', 'badCSR', csr(identifiers, keyOf('secp256k1'))],
    ['the key is RSA with 1024 bits', 'badCSR', csr(identifiers, rsaOf(1024))],
    ['the key is RSA with 2050 bits', 'badCSR', csr(identifiers, rsaOf(2050))],
    ['the key is Ed25519', 'badCSR', csr(identifiers, generateKeyPairSync('ed25519').privateKey)],
  ]
  for (const [name, type, payload] of rows) {
    it(`${name}: ${type}`, async () => {
      await using world = await createWorld()
      const { session, created } = await readyOrder(world)
      const finalize = String(created.json['finalize'])
      assert.notEqual(assertProblem(await session.post(finalize, payload), type, 400), '')
      assert.equal((await session.post(created.url, '')).json['status'], 'ready')
      assert.equal((await session.post(finalize, csr(identifiers))).json['status'], 'valid')
    })
  }

  it('its key is that of an account, this one or another', async () => {
    await using world = await createWorld()
    const { session, created } = await readyOrder(world)
    const other = await register(world)
    for (const { key } of [session, other]) {
      const answer = await session.post(String(created.json['finalize']), csr(identifiers, key))
      assert.match(assertProblem(answer, 'badCSR', 400), /account key/)
    }
  })
})

for (const type of ['ecdsa-p384', 'rsa-2048', 'rsa-3072'] as const) {
  it(`a certificate for a key of type ${type} is issued`, async () => {
    await using world = await createWorld()
    const { session, created } = await readyOrder(world)
    const answer = await session.post(
      String(created.json['finalize']),
      csr(identifiers, await generateKey(type)),
    )
    assert.equal(answer.json['status'], 'valid', answer.text)
  })
}

describe('the issuer', async () => {
  it('is asked once, however many finalize requests come at a time', async () => {
    const issued: IssueRequest[] = []
    const inner = await createWorld()
    await using world = await createWorld({
      issuer: {
        issue: async (request, options) => {
          issued.push(request)
          return inner.issuer.issue(request, options)
        },
      },
    })
    const { session, created } = await readyOrder(world)
    const finalize = String(created.json['finalize'])
    const answers = await Promise.all([1, 2, 3].map(() => session.post(finalize, csr(identifiers))))
    assert.deepEqual(answers.map(({ status }) => status).sort(ascending), [200, 403, 403])
    assert.equal(issued.length, 1)
    assert.deepEqual(issued[0]?.identifiers, identifiers)
  })

  it('may take its time: the order is processing, with a time to come back', async () => {
    const gate = Promise.withResolvers<void>()
    const inner = await createWorld()
    await using world = await createWorld({
      holdRepliesMs: 0,
      retryAfterMs: 4_000,
      issuer: {
        issue: async (request, options) => {
          await gate.promise
          return inner.issuer.issue(request, options)
        },
      },
    })
    const { session, created } = await readyOrder(world)
    await world.clock.advance(0) // lets the validations end
    const finalized = await session.post(String(created.json['finalize']), csr(identifiers))
    for (const answer of [finalized, await session.post(created.url, '')]) {
      assert.equal(answer.json['status'], 'processing')
      assert.equal(answer.headers.get('retry-after'), '4')
    }
    gate.resolve()
    await world.clock.advance(0)
    const done = await session.post(created.url, '')
    assert.deepEqual([done.json['status'], done.headers.get('retry-after')], ['valid', null])
  })

  const someKey = await generateKey('ecdsa-p256')
  const wrongs: Readonly<Record<string, (request: IssueRequest) => IssueRequest | Error>> = {
    fails: () => new Error('no signature today'),
    'signs another key': request => ({ ...request, publicKey: someKey }),
    'signs other names': request => ({ ...request, identifiers: names('a.example.com', 'evil.example') }),
    'signs too few names': request => ({ ...request, identifiers: names('a.example.com') }),
    'signs for another time': request => ({ ...request, notAfter: request.notBefore }),
  }
  for (const [name, change] of Object.entries(wrongs)) {
    it(`that ${name} makes the order invalid, and no certificate gets out`, async () => {
      const events: string[] = []
      const inner = await createWorld()
      await using world = await createWorld({
        log: (_, event) => void events.push(event),
        issuer: {
          issue: async (request, options) => {
            const changed = change(request)
            if (changed instanceof Error) throw changed
            return inner.issuer.issue(changed, options)
          },
        },
      })
      const { session, created } = await readyOrder(world)
      const { json } = await session.post(String(created.json['finalize']), csr(identifiers))
      assert.deepEqual([json['status'], json['certificate']], ['invalid', undefined])
      const error = json['error'] as Readonly<Record<string, string>>
      assert.equal(error['type'], `${problemPrefix}serverInternal`)
      assert.doesNotMatch(JSON.stringify(json), /no signature today/)
      assert.ok(events.includes('issuance-failed'))
    })
  }
})

function ascending(a: number, b: number): number {
  return a - b
}
