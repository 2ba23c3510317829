import assert from 'node:assert/strict'
import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { after, describe, it } from 'node:test'
import {
  type Answer,
  assertProblem,
  baseUrl,
  createWorld,
  freshNonce,
  names,
  obtain,
  register,
  type Session,
  sendRaw,
  sessionFor,
  type World,
} from '../../test/support/acme-session.ts'
import { encodeBase64url } from '../base/base64url.ts'
import { signJws } from '../jose/jws.ts'
import { createSigner, generateAccountKey, publicKeyDer } from '../x509/key.ts'

const newOrderUrl = `${baseUrl}/new-order`
const newAccountUrl = `${baseUrl}/new-account`

/** What a good request is made of; rows of the table change one thing. */
type Draft = {
  url: string
  header: Record<string, unknown>
  payload: string
  key: KeyObject
  httpHeaders: Record<string, string>
  /** Signs; by default ES256. */
  signature: (input: Buffer, key: KeyObject) => Buffer
  /** The body from its three members. */
  body: (members: {
    protected: string
    payload: string
    signature: string
  }) => string | Uint8Array<ArrayBuffer>
  /** Text of the header in place of the header's JSON. */
  headerText: string | undefined
}

const es256 = (input: Buffer, key: KeyObject) => sign('sha256', input, { key, dsaEncoding: 'ieee-p1363' })

function draftFor(session: Session & { readonly kid: string }, nonce: string): Draft {
  return {
    url: newOrderUrl,
    header: { alg: 'ES256', kid: session.kid, nonce, url: newOrderUrl },
    payload: JSON.stringify({ identifiers: names('www.example.com') }),
    key: session.key,
    httpHeaders: {},
    signature: es256,
    body: members => JSON.stringify(members),
    headerText: undefined,
  }
}

function send(world: World, draft: Draft): Promise<Answer> {
  const header = encodeBase64url(draft.headerText ?? JSON.stringify(draft.header))
  const payload = encodeBase64url(draft.payload)
  const signature = encodeBase64url(draft.signature(Buffer.from(`${header}.${payload}`), draft.key))
  const body = draft.body({ protected: header, payload, signature })
  return sendRaw(world, draft.url, body, draft.httpHeaders)
}

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
const smallRsa = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey
const p521 = generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const k256 = generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey
const x25519 = generateKeyPairSync('x25519').privateKey
const jwkOf = (key: KeyObject): Record<string, unknown> => {
  const { d: _, p: _p, q: _q, dp: _dp, dq: _dq, qi: _qi, ...jwk } = key.export({ format: 'jwk' })
  return jwk
}
/** Makes a draft a newAccount request that carries its key. */
const withJwk = (draft: Draft, key: KeyObject, jwk: unknown = jwkOf(key)) => {
  draft.url = newAccountUrl
  draft.header = { alg: 'ES256', jwk, nonce: draft.header['nonce'], url: newAccountUrl }
  draft.payload = '{}'
  draft.key = key
}

type Row = readonly [
  name: string,
  type: string,
  status: number,
  change: (draft: Draft) => void,
  nonce?: 'used up',
]

const rows: readonly Row[] = [
  // The request around the JWS
  ['content type json', 'malformed', 415, d => void (d.httpHeaders['content-type'] = 'application/json')],
  ['content type jose', 'malformed', 415, d => void (d.httpHeaders['content-type'] = 'application/jose')],
  ['no content type', 'malformed', 415, d => void (d.httpHeaders['content-type'] = '')],
  [
    'nonce in an HTTP header',
    'malformed',
    400,
    d => void (d.httpHeaders['replay-nonce'] = String(d.header['nonce'])),
  ],
  ['body of 50,001 bytes', 'malformed', 413, d => void (d.body = m => JSON.stringify(m).padEnd(50_001))],
  ['empty body', 'malformed', 400, d => void (d.body = () => '')],
  ['body that is no JSON', 'malformed', 400, d => void (d.body = () => '{')],
  ['body that is an array', 'malformed', 400, d => void (d.body = m => JSON.stringify([m]))],
  ['body that is a text', 'malformed', 400, d => void (d.body = m => JSON.stringify(JSON.stringify(m)))],
  ['body that is null', 'malformed', 400, d => void (d.body = () => 'null')],
  [
    'compact serialization',
    'malformed',
    400,
    d => void (d.body = m => `${m.protected}.${m.payload}.${m.signature}`),
  ],
  [
    'body that is not UTF-8',
    'malformed',
    400,
    d => {
      d.body = m =>
        new Uint8Array(
          Buffer.concat([Buffer.from(`{"x":"\xff",`, 'latin1'), Buffer.from(JSON.stringify(m).slice(1))]),
        )
    },
  ],
  [
    'body that starts with a byte order mark',
    'malformed',
    400,
    d => void (d.body = m => `\ufeff${JSON.stringify(m)}`),
  ],

  // The three members
  [
    'general serialization',
    'malformed',
    400,
    d => {
      d.body = ({ payload, ...signature }) => JSON.stringify({ payload, signatures: [signature] })
    },
  ],
  [
    'several signatures beside one',
    'malformed',
    400,
    d => void (d.body = m => JSON.stringify({ ...m, signatures: [] })),
  ],
  ['unprotected header', 'malformed', 400, d => void (d.body = m => JSON.stringify({ ...m, header: {} }))],
  [
    'no protected header',
    'malformed',
    400,
    d => void (d.body = ({ payload, signature }) => JSON.stringify({ payload, signature })),
  ],
  ['no payload', 'malformed', 400, d => void (d.body = m => JSON.stringify({ ...m, payload: undefined }))],
  [
    'no signature',
    'malformed',
    400,
    d => void (d.body = m => JSON.stringify({ ...m, signature: undefined })),
  ],
  ['payload null', 'malformed', 400, d => void (d.body = m => JSON.stringify({ ...m, payload: null }))],
  [
    'payload not encoded',
    'malformed',
    400,
    d => void (d.body = m => JSON.stringify({ ...m, payload: d.payload })),
  ],
  [
    'two payloads',
    'malformed',
    400,
    d => void (d.body = m => JSON.stringify(m).replace('{', '{"payload":"e30",')),
  ],
  [
    'two payloads, one with an escape',
    'malformed',
    400,
    d => {
      d.body = m => JSON.stringify(m).replace('{', '{"\\u0070ayload":"e30",')
    },
  ],
  [
    'two protected headers',
    'malformed',
    400,
    d => void (d.body = m => JSON.stringify(m).replace('{', '{"protected":"e30",')),
  ],
  [
    'padding',
    'malformed',
    400,
    d => void (d.body = m => JSON.stringify({ ...m, signature: `${m.signature}==` })),
  ],
  [
    'base64 in place of base64url',
    'malformed',
    400,
    d => {
      d.body = m => JSON.stringify({ ...m, signature: `+${m.signature.slice(1)}` })
    },
  ],
  [
    'white space in a member',
    'malformed',
    400,
    d => void (d.body = m => JSON.stringify({ ...m, payload: `${m.payload}\n` })),
  ],

  // The signature
  ['empty signature', 'malformed', 400, d => void (d.signature = () => Buffer.alloc(0))],
  ['signature of zeros', 'malformed', 400, d => void (d.signature = () => Buffer.alloc(64))],
  [
    'one bit of the signature turned',
    'malformed',
    400,
    d => {
      d.signature = (input, key) => {
        const signature = es256(input, key)
        signature[10] = (signature[10] ?? 0) ^ 1
        return signature
      }
    },
  ],
  [
    'signature in DER',
    'malformed',
    400,
    d => void (d.signature = (input, key) => sign('sha256', input, key)),
  ],
  [
    'signature with an octet more',
    'malformed',
    400,
    d => {
      d.signature = (input, key) => Buffer.concat([es256(input, key), Buffer.alloc(1)])
    },
  ],
  [
    'signature over another payload',
    'malformed',
    400,
    d => {
      d.signature = (input, key) => es256(Buffer.concat([input, Buffer.from('x')]), key)
    },
  ],
  [
    'payload exchanged after signing',
    'malformed',
    400,
    d => {
      d.body = m =>
        JSON.stringify({
          ...m,
          payload: encodeBase64url('{"identifiers":[{"type":"dns","value":"evil.example"}]}'),
        })
    },
  ],
  ["somebody else's key", 'malformed', 400, d => void (d.key = p256)],
  [
    'hash of another algorithm',
    'malformed',
    400,
    d => {
      d.signature = (input, key) => sign('sha384', input, { key, dsaEncoding: 'ieee-p1363' })
    },
  ],

  // The algorithm
  [
    'alg none',
    'badSignatureAlgorithm',
    400,
    d => {
      d.header['alg'] = 'none'
      d.signature = () => Buffer.alloc(0)
    },
  ],
  [
    'alg HS256 with the public key as secret',
    'badSignatureAlgorithm',
    400,
    d => {
      d.header['alg'] = 'HS256'
      d.signature = (input, key) => createHmac('sha256', publicKeyDer(key)).update(input).digest()
    },
  ],
  ['alg PS256', 'badSignatureAlgorithm', 400, d => void (d.header['alg'] = 'PS256')],
  ['alg RS1', 'badSignatureAlgorithm', 400, d => void (d.header['alg'] = 'RS1')],
  ['alg in lower case', 'badSignatureAlgorithm', 400, d => void (d.header['alg'] = 'es256')],
  ['alg of another curve', 'badSignatureAlgorithm', 400, d => void (d.header['alg'] = 'ES384')],
  ['alg of another kind of key', 'badSignatureAlgorithm', 400, d => void (d.header['alg'] = 'RS256')],
  ['alg EdDSA for an EC key', 'badSignatureAlgorithm', 400, d => void (d.header['alg'] = 'EdDSA')],
  ['no alg', 'malformed', 400, d => void delete d.header['alg']],
  ['alg that is a number', 'malformed', 400, d => void (d.header['alg'] = 7)],

  // The rest of the header
  ['header that is no JSON', 'malformed', 400, d => void (d.headerText = 'x')],
  ['header that is an array', 'malformed', 400, d => void (d.headerText = '[]')],
  [
    'header with alg twice',
    'malformed',
    400,
    d => void (d.headerText = JSON.stringify(d.header).replace('{', '{"alg":"none",')),
  ],
  [
    'header with url twice',
    'malformed',
    400,
    d => void (d.headerText = JSON.stringify(d.header).replace('{', '{"url":"x",')),
  ],
  ['crit', 'malformed', 400, d => void (d.header['crit'] = ['exp'])],
  ['crit that is empty', 'malformed', 400, d => void (d.header['crit'] = [])],
  ['b64 false', 'malformed', 400, d => void (d.header['b64'] = false)],
  ['no url', 'malformed', 400, d => void delete d.header['url']],
  ['url that is a list', 'malformed', 400, d => void (d.header['url'] = [newOrderUrl])],
  ['url of another resource', 'unauthorized', 403, d => void (d.header['url'] = newAccountUrl)],
  ['url in other case', 'unauthorized', 403, d => void (d.header['url'] = newOrderUrl.toUpperCase())],
  ['url with a query', 'unauthorized', 403, d => void (d.header['url'] = `${newOrderUrl}?`)],
  [
    'url with the default port',
    'unauthorized',
    403,
    d => void (d.header['url'] = newOrderUrl.replace('ca.test', 'ca.test:443')),
  ],
  [
    'url of another host',
    'unauthorized',
    403,
    d => void (d.header['url'] = newOrderUrl.replace('ca.test', 'evil.test')),
  ],
  ['query that was not signed', 'unauthorized', 403, d => void (d.url = `${newOrderUrl}?x=1`)],
  [
    'another host in request and url',
    'unauthorized',
    403,
    d => {
      d.url = newOrderUrl.replace('ca.test', 'evil.test')
      d.header['url'] = d.url
    },
  ],

  // The nonce
  ['no nonce', 'badNonce', 400, d => void delete d.header['nonce']],
  ['nonce that is a number', 'malformed', 400, d => void (d.header['nonce'] = 5)],
  ['nonce that is empty', 'malformed', 400, d => void (d.header['nonce'] = '')],
  ['nonce with padding', 'malformed', 400, d => void (d.header['nonce'] = `${String(d.header['nonce'])}==`)],
  ['nonce with foreign characters', 'malformed', 400, d => void (d.header['nonce'] = '!!!!')],
  ['nonce that was made up', 'badNonce', 400, d => void (d.header['nonce'] = 'AAAAAAAAAAAAAAAAAAAAAA')],

  // Who signs
  ['neither jwk nor kid', 'malformed', 400, d => void delete d.header['kid']],
  ['both jwk and kid', 'malformed', 400, d => void (d.header['jwk'] = jwkOf(d.key))],
  [
    'jwk where an account is needed',
    'malformed',
    400,
    d => {
      delete d.header['kid']
      d.header['jwk'] = jwkOf(d.key)
    },
    'used up',
  ],
  [
    'kid for newAccount',
    'malformed',
    400,
    d => {
      d.url = newAccountUrl
      d.header['url'] = newAccountUrl
      d.payload = '{}'
    },
    'used up',
  ],
  ['kid that is a number', 'malformed', 400, d => void (d.header['kid'] = 1)],
  ['kid that is empty', 'accountDoesNotExist', 400, d => void (d.header['kid'] = '')],
  [
    'kid of nobody',
    'accountDoesNotExist',
    400,
    d => void (d.header['kid'] = `${baseUrl}/account/AAAAAAAAAAAAAAAAAAAAAA`),
  ],
  [
    'kid that is the id alone',
    'accountDoesNotExist',
    400,
    d => void (d.header['kid'] = String(d.header['kid']).split('/').at(-1)),
  ],
  [
    'kid on another host',
    'accountDoesNotExist',
    400,
    d => void (d.header['kid'] = String(d.header['kid']).replace('ca.test', 'evil.test')),
  ],
  [
    'kid with a query',
    'accountDoesNotExist',
    400,
    d => void (d.header['kid'] = `${String(d.header['kid'])}?`),
  ],
  [
    'kid in other case',
    'accountDoesNotExist',
    400,
    d => void (d.header['kid'] = String(d.header['kid']).replace('https', 'HTTPS')),
  ],

  // Keys in the header
  ['jwk that is a text', 'malformed', 400, d => withJwk(d, p256, 'x')],
  ['jwk that is null', 'malformed', 400, d => withJwk(d, p256, null)],
  ['jwk that is empty', 'badPublicKey', 400, d => withJwk(d, p256, {})],
  ['jwk with the private key', 'badPublicKey', 400, d => withJwk(d, p256, p256.export({ format: 'jwk' }))],
  ['jwk without y', 'badPublicKey', 400, d => withJwk(d, p256, { ...jwkOf(p256), y: undefined })],
  ['jwk off the curve', 'badPublicKey', 400, d => withJwk(d, p256, { ...jwkOf(p256), y: jwkOf(p256)['x'] })],
  ['jwk with a short coordinate', 'badPublicKey', 400, d => withJwk(d, p256, { ...jwkOf(p256), x: 'AQ' })],
  ['jwk of kind oct', 'badPublicKey', 400, d => withJwk(d, p256, { kty: 'oct', k: 'AAAA' })],
  ['jwk on P-521', 'badPublicKey', 400, d => withJwk(d, p521)],
  ['jwk on secp256k1', 'badPublicKey', 400, d => withJwk(d, k256)],
  [
    'jwk for X25519',
    'badPublicKey',
    400,
    d => {
      withJwk(d, x25519)
      d.key = p256
    },
  ],
  [
    'jwk with RSA of 1024 bits',
    'badPublicKey',
    400,
    d => {
      withJwk(d, smallRsa)
      d.header['alg'] = 'RS256'
      d.signature = (input, key) => sign('sha256', input, key)
    },
  ],
  [
    "jwk that is somebody else's",
    'malformed',
    400,
    d => withJwk(d, p256, jwkOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)),
  ],
  ['jwk of P-384 with alg ES256', 'badSignatureAlgorithm', 400, d => withJwk(d, p384)],
  [
    'jwk of RSA with alg ES256',
    'badSignatureAlgorithm',
    400,
    d => {
      withJwk(d, rsa)
      d.signature = (input, key) => sign('sha256', input, key)
    },
  ],

  // The payload
  ['payload of a read', 'malformed', 400, d => void (d.payload = ''), 'used up'],
  ['payload that is no JSON', 'malformed', 400, d => void (d.payload = 'x'), 'used up'],
  ['payload that is an array', 'malformed', 400, d => void (d.payload = '[]'), 'used up'],
  ['payload null', 'malformed', 400, d => void (d.payload = 'null'), 'used up'],
  [
    'payload with a member twice',
    'malformed',
    400,
    d => {
      d.payload = d.payload.replace('{', '{"identifiers":[{"type":"dns","value":"evil.example"}],')
    },
    'used up',
  ],
  [
    'payload with a member of the wrong type',
    'malformed',
    400,
    d => void (d.payload = '{"identifiers":{}}'),
    'used up',
  ],
]

describe('a request is refused with', async () => {
  const world = await createWorld()
  after(() => world[Symbol.asyncDispose]())
  const session = await register(world)
  const orders = async () =>
    (await session.post(`${session.kid}/orders`, '')).json['orders'] as readonly string[]

  for (const [name, type, status, change, used] of rows) {
    it(`${name}: ${type}`, async () => {
      const nonce = await freshNonce(world)
      const before = await orders()
      const draft = draftFor(session, nonce)
      change(draft)
      const detail = assertProblem(await send(world, draft), type, status)
      assert.notEqual(detail, '')
      assert.deepEqual(await orders(), before, 'it must have no effect')
      const good = await send(world, draftFor(session, nonce))
      if (used === undefined)
        assert.equal(good.status, 201, 'a request that is not authentic must not use up the nonce')
      else assertProblem(good, 'badNonce', 400)
    })
  }

  it('nothing, when nothing was changed; then the same request again: badNonce', async () => {
    const draft = draftFor(session, await freshNonce(world))
    assert.equal((await send(world, draft)).status, 201)
    assertProblem(await send(world, draft), 'badNonce', 400)
  })
})

it('a refused algorithm comes with those that are accepted', async () => {
  await using world = await createWorld()
  const draft = draftFor(await register(world), await freshNonce(world))
  draft.header['alg'] = 'PS512'
  const { json } = await send(world, draft)
  assert.deepEqual(json['algorithms'], ['ES256', 'ES384', 'RS256', 'EdDSA'])
})

for (const algorithm of ['ES256', 'ES384', 'RS256', 'EdDSA'] as const) {
  it(`a ${algorithm} key makes an account and signs for it`, async () => {
    await using world = await createWorld()
    const key = await generateAccountKey(algorithm)
    const created = await sessionFor(world, key).post(newAccountUrl, {})
    assert.equal(created.status, 201, created.text)
    const session = sessionFor(world, key, created.headers.get('location') ?? '')
    assert.equal((await session.post(session.kid ?? '', '')).status, 200)
  })
}

it('a body of exactly 50,000 bytes is read', async () => {
  await using world = await createWorld()
  const draft = draftFor(await register(world), await freshNonce(world))
  draft.body = members => JSON.stringify(members).padEnd(50_000)
  assert.equal((await send(world, draft)).status, 201)
})

it('members of the body that nobody knows are ignored, as RFC 7515 §7.2.1 wants', async () => {
  await using world = await createWorld()
  const draft = draftFor(await register(world), await freshNonce(world))
  draft.body = members => JSON.stringify({ ...members, comment: 'hello' })
  assert.equal((await send(world, draft)).status, 201)
})

it('the content type may have parameters', async () => {
  await using world = await createWorld()
  const draft = draftFor(await register(world), await freshNonce(world))
  draft.httpHeaders['content-type'] = 'Application/JOSE+JSON; charset=utf-8'
  assert.equal((await send(world, draft)).status, 201)
})

it('of two requests with one nonce at the same time, one succeeds', async () => {
  await using world = await createWorld()
  const session = await register(world)
  const draft = draftFor(session, await freshNonce(world))
  const answers = await Promise.all([send(world, draft), send(world, draft)])
  assert.deepEqual(answers.map(({ status }) => status).sort(ascending), [201, 400])
})

it('half of the nonces refused: the same half for the same seed', async () => {
  const outcomes = async (seed: number) => {
    await using world = await createWorld({ rejectNonces: 0.5, seed })
    const signer = createSigner(p256)
    const statuses: number[] = []
    for (let count = 0; count < 40; count += 1) {
      const nonce = await freshNonce(world)
      const answer = await sendRaw(
        world,
        newAccountUrl,
        await signJws({}, { signer, url: newAccountUrl, nonce }),
      )
      statuses.push(answer.status)
    }
    return statuses
  }
  const first = await outcomes(3)
  assert.deepEqual(await outcomes(3), first)
  assert.notDeepEqual(await outcomes(4), first)
  const refused = first.filter(status => status === 400).length
  assert.ok(refused > 8 && refused < 32, `${refused} of 40`)
})

describe('reading takes an empty payload', async () => {
  const world = await createWorld()
  after(() => world[Symbol.asyncDispose]())
  const session = await register(world)
  const created = await session.post(newOrderUrl, { identifiers: names('www.example.com') })
  const { url: certificate } = await obtain(world, session, names('www.example.com'))
  for (const [what, url] of [
    ['a certificate', certificate],
    ['an order', created.headers.get('location') ?? ''],
    ['the list of orders', `${session.kid}/orders`],
  ] as const) {
    it(what, async () => {
      assertProblem(await session.post(url, {}), 'malformed', 400)
      assert.equal((await session.post(url, '')).status, 200)
    })
  }
})

function ascending(a: number, b: number): number {
  return a - b
}
