import assert from 'node:assert/strict'
import type { KeyObject } from 'node:crypto'
import { describe, it } from 'node:test'
import {
  assertProblem,
  baseUrl,
  createWorld,
  names,
  order,
  register,
  sessionFor,
} from '../../../test/support/acme-session.ts'
import { publicJwk } from '../../jose/jwk.ts'
import { createJws } from '../../jose/jws.ts'
import { createSigner, generateAccountKey } from '../../x509/key.ts'

const url = `${baseUrl}/key-change`

/** The payload of a good key change; rows change one thing. */
type Draft = {
  newKey: KeyObject
  url: string
  nonce: string | undefined
  kid: string | undefined
  payload: unknown
}

async function inner({ newKey, url, nonce, kid, payload }: Draft) {
  return createJws(payload, { signer: createSigner(newKey), url, nonce, kid })
}

it('the account goes over to the new key, with everything it has', async () => {
  await using world = await createWorld()
  const session = await register(world)
  const created = await order(session, names('www.example.com'))
  const newKey = await generateAccountKey('EdDSA')
  const payload = { account: session.kid, oldKey: publicJwk(session.key) }
  const answer = await session.post(
    url,
    await inner({ newKey, url, nonce: undefined, kid: undefined, payload }),
  )
  assert.equal(answer.status, 200)
  assert.equal(answer.json['status'], 'valid')

  assertProblem(await session.post(session.kid, ''), 'badSignatureAlgorithm', 400)
  const renewed = sessionFor(world, newKey, session.kid)
  assert.equal((await renewed.post(created.url, '')).json['status'], 'pending')
  const found = await sessionFor(world, newKey).post(`${baseUrl}/new-account`, { onlyReturnExisting: true })
  assert.equal(found.headers.get('location'), session.kid)
  const lost = await sessionFor(world, session.key).post(`${baseUrl}/new-account`, {
    onlyReturnExisting: true,
  })
  assertProblem(lost, 'accountDoesNotExist', 400)
})

it('a key that another account has is a conflict, which says whose', async () => {
  await using world = await createWorld()
  const session = await register(world)
  const other = await register(world)
  const payload = { account: session.kid, oldKey: publicJwk(session.key) }
  for (const holder of [other, session]) {
    const draft = { newKey: holder.key, url, nonce: undefined, kid: undefined, payload }
    const answer = await session.post(url, await inner(draft))
    assert.equal(answer.status, 409)
    assertProblem(answer, 'conflict', 409)
    assert.equal(answer.headers.get('location'), holder.kid)
  }
})

describe('a key change is refused when', async () => {
  const strangerKey = await generateAccountKey('ES256')
  const rows: readonly (readonly [string, string, (draft: Draft, kid: string) => unknown])[] = [
    ['the inner url differs', 'malformed', draft => void (draft.url = `${baseUrl}/new-order`)],
    ['the inner header has a nonce', 'malformed', draft => void (draft.nonce = 'AAAAAAAAAAAAAAAAAAAAAA')],
    ['the inner header has kid', 'malformed', (draft, kid) => void (draft.kid = kid)],
    [
      'account is another',
      'malformed',
      draft => {
        draft.payload = { ...(draft.payload as object), account: `${baseUrl}/account/AAAAAAAAAAAAAAAAAAAAAA` }
      },
    ],
    [
      'account is missing',
      'malformed',
      draft => {
        draft.payload = { ...(draft.payload as object), account: undefined }
      },
    ],
    [
      'oldKey is missing',
      'malformed',
      draft => {
        draft.payload = { ...(draft.payload as object), oldKey: undefined }
      },
    ],
    [
      'oldKey is another key',
      'malformed',
      draft => {
        draft.payload = { ...(draft.payload as object), oldKey: publicJwk(strangerKey) }
      },
    ],
    [
      'oldKey is no key',
      'badPublicKey',
      draft => {
        draft.payload = { ...(draft.payload as object), oldKey: { kty: 'EC' } }
      },
    ],
    ['the inner payload is empty', 'malformed', draft => void (draft.payload = '')],
    ['the inner payload is a list', 'malformed', draft => void (draft.payload = [])],
  ]
  for (const [name, type, change] of rows) {
    it(name, async () => {
      await using world = await createWorld()
      const session = await register(world)
      const draft: Draft = {
        newKey: await generateAccountKey('ES256'),
        url,
        nonce: undefined,
        kid: undefined,
        payload: { account: session.kid, oldKey: publicJwk(session.key) },
      }
      change(draft, session.kid)
      assertProblem(await session.post(url, await inner(draft)), type, 400)
      assert.equal((await session.post(session.kid, '')).status, 200, 'the old key must still be good')
    })
  }

  for (const [name, type, change] of [
    ['the payload is no JWS', 'malformed', () => ({ hello: 'world' })],
    ['the payload is empty', 'malformed', () => ''],
    [
      'the inner signature is not by the new key',
      'malformed',
      (jws: object) => ({ ...jws, signature: 'AAAA' }),
    ],
    ['the inner JWS has an unprotected header', 'malformed', (jws: object) => ({ ...jws, header: {} })],
  ] as const) {
    it(name, async () => {
      await using world = await createWorld()
      const session = await register(world)
      const newKey = await generateAccountKey('ES256')
      const payload = { account: session.kid, oldKey: publicJwk(session.key) }
      const jws = await inner({ newKey, url, nonce: undefined, kid: undefined, payload })
      assertProblem(await session.post(url, change(jws)), type, 400)
      assert.equal((await session.post(session.kid, '')).status, 200)
    })
  }
})
