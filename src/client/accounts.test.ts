import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  parseExternalAccountBinding,
  verifyExternalAccountBinding,
} from '../jose/external-account-binding.ts'
import { keyFromJwk, publicJwk } from '../jose/jwk.ts'
import { parseJws, verifyJws } from '../jose/jws.ts'
import {
  jsonReply,
  problemReply,
  replyLost,
  scriptedDirectory,
  scriptedOrigin,
} from '../testing/scripted-ca.ts'
import { scriptedClient } from '../testing/scripted-client.ts'
import { createSigner, generateAccountKey, samePublicKey } from '../x509/key.ts'

const location = { location: `${scriptedOrigin}/account/1` }
const valid = { status: 'valid', contact: ['mailto:a@example.org'] }
const created = jsonReply(201, valid, location)
const existing = jsonReply(200, valid, location)
const unknown = problemReply(400, 'accountDoesNotExist')
const done = jsonReply(200, {})
const newSigner = createSigner(await generateAccountKey('EdDSA'))

test('a registration carries the public key, and only what was given', async () => {
  const {
    ca,
    client,
    account: { signer },
    signal,
  } = scriptedClient()
  ca.on('/new-account', created)
  const request = { signer, contact: ['mailto:a@example.org'], termsOfServiceAgreed: true }
  const reply = await client.newAccount(request, { signal })
  assert.equal(reply.created, true)
  assert.equal(reply.account.url, location.location)
  assert.equal(reply.account.status, 'valid')
  const { header, payload } = ca.received.at(-1) ?? assert.fail()
  assert.deepEqual(header?.jwk, publicJwk(signer.publicKey))
  assert.deepEqual(payload, { contact: ['mailto:a@example.org'], termsOfServiceAgreed: true })
})

test('a known key gives its account', async () => {
  const {
    ca,
    client,
    account: { signer },
    signal,
  } = scriptedClient()
  ca.on('/new-account', existing)
  assert.equal((await client.newAccount({ signer }, { signal })).created, false)
})

test('an external account is bound to the key and to the URL', async () => {
  const {
    ca,
    client,
    account: { signer },
    signal,
  } = scriptedClient()
  const hmacKey = Buffer.from('a secret of the CA')
  ca.on('/new-account', created)
  await client.newAccount(
    { signer, externalAccount: { keyId: 'k-1', hmacKey, algorithm: 'HS384' } },
    { signal },
  )
  const payload = ca.received.at(-1)?.payload as { externalAccountBinding: unknown } | undefined
  const binding = parseExternalAccountBinding(payload?.externalAccountBinding)
  assert.equal(binding.keyId, 'k-1')
  assert.equal(binding.algorithm, 'HS384')
  const expected = { hmacKey, url: scriptedDirectory.newAccount, accountKey: signer.publicKey }
  assert.ok(verifyExternalAccountBinding(binding, expected))
})

const badLocations = [
  { name: 'no Location', headers: {}, message: /sent no Location/ },
  {
    name: 'a foreign Location',
    headers: { location: 'https://other.example/a/1' },
    message: /not at ca\.example/,
  },
  {
    name: 'a Location by http',
    headers: { location: 'http://ca.example/a/1' },
    message: /not at ca\.example/,
  },
  { name: 'a Location that is no URL', headers: { location: 'https://[' }, message: /no URL/ },
]
for (const { name, headers, message } of badLocations) {
  test(`a registration with ${name} is an invalid reply`, async () => {
    const {
      ca,
      client,
      account: { signer },
      signal,
    } = scriptedClient()
    ca.on('/new-account', jsonReply(201, valid, headers))
    await assert.rejects(client.newAccount({ signer }, { signal }), { code: 'ERR_REPLY_INVALID', message })
  })
}

test('a relative Location is resolved', async () => {
  const {
    ca,
    client,
    account: { signer },
    signal,
  } = scriptedClient()
  ca.on('/new-account', jsonReply(201, valid, { location: '/account/9' }))
  const { account } = await client.newAccount({ signer }, { signal })
  assert.equal(account.url, `${scriptedOrigin}/account/9`)
})

test('a list of orders elsewhere is an invalid reply', async () => {
  const { ca, client, account, signal } = scriptedClient()
  ca.on('/account/1', jsonReply(200, { ...valid, orders: 'https://other.example/orders' }))
  await assert.rejects(client.readAccount(account, { signal }), { code: 'ERR_REPLY_INVALID' })
})

const lostRegistrations = [
  { name: 'was effective: its account is found', answers: [replyLost, existing], asked: 2 },
  { name: 'was not effective: it is sent again', answers: [replyLost, unknown, created], asked: 3 },
]
for (const { name, answers, asked } of lostRegistrations) {
  test(`a registration whose reply was lost ${name}`, async () => {
    const {
      ca,
      client,
      account: { signer },
      signal,
    } = scriptedClient()
    ca.on('/new-account', ...answers)
    const { account } = await client.newAccount({ signer, termsOfServiceAgreed: true }, { signal })
    assert.equal(account.url, location.location)
    const payloads = ca.received.flatMap(({ payload }) => payload ?? [])
    assert.equal(payloads.length, asked)
    assert.deepEqual(payloads[1], { onlyReturnExisting: true })
  })
}

test('a registration that is lost twice is left undecided', async () => {
  const {
    ca,
    client,
    account: { signer },
    signal,
  } = scriptedClient()
  ca.on('/new-account', replyLost, unknown, replyLost)
  await assert.rejects(client.newAccount({ signer }, { signal }), { code: 'ERR_REPLY_LOST' })
})

test('onlyReturnExisting reports that there is none, and survives lost replies', async () => {
  const {
    ca,
    client,
    account: { signer },
    signal,
  } = scriptedClient()
  ca.on('/new-account', replyLost, replyLost, unknown)
  await assert.rejects(client.newAccount({ signer, onlyReturnExisting: true }, { signal }), {
    code: 'ERR_ACME_PROBLEM',
    message: /ca\.example refused to find the account of a key: accountDoesNotExist/,
  })
})

test('contacts are replaced; a lost reply is harmless', async () => {
  const { ca, client, account, signal } = scriptedClient()
  ca.on('/account/1', replyLost, jsonReply(200, { ...valid, contact: [] }))
  assert.deepEqual((await client.updateAccount(account, { contact: [] }, { signal })).contact, [])
  assert.deepEqual(ca.received.at(-1)?.payload, { contact: [] })
})

const deactivated = jsonReply(200, { status: 'deactivated' })
const refused = problemReply(401, 'unauthorized')
const deactivations = [
  { name: 'answered', answers: [deactivated], trace: ['POST'] },
  { name: 'lost, then refused to be read', answers: [replyLost, refused], trace: ['POST', 'POST-as-GET'] },
  {
    name: 'lost, then read as deactivated',
    answers: [replyLost, deactivated],
    trace: ['POST', 'POST-as-GET'],
  },
  {
    name: 'lost without effect',
    answers: [replyLost, jsonReply(200, valid), deactivated],
    trace: ['POST', 'POST-as-GET', 'POST'],
  },
]
for (const { name, answers, trace } of deactivations) {
  test(`a deactivation that is ${name} is done`, async () => {
    const { ca, client, account, signal } = scriptedClient()
    ca.on('/account/1', ...answers)
    await client.deactivateAccount(account, { signal })
    assert.deepEqual(
      ca.trace(),
      trace.map(method => `${method} /account/1`),
    )
  })
}

test('a deactivation that leaves the account valid is an invalid reply', async () => {
  const { ca, client, account, signal } = scriptedClient()
  ca.on('/account/1', jsonReply(200, valid))
  await assert.rejects(client.deactivateAccount(account, { signal }), { code: 'ERR_REPLY_INVALID' })
})

test('a key change is signed by both keys, the inner one without nonce', async () => {
  const { ca, client, account, signal } = scriptedClient()
  ca.on('/key-change', done).on('/new-account', existing)
  const changed = await client.rolloverKey(account, newSigner, { signal })
  assert.deepEqual(changed, { url: account.url, signer: newSigner })
  const { header, payload } = ca.received.find(({ path }) => path === '/key-change') ?? assert.fail()
  assert.equal(header?.kid, account.url)
  const inner = parseJws(payload)
  assert.equal(inner.header.nonce, undefined)
  assert.equal(inner.header.url, scriptedDirectory.keyChange)
  assert.ok(samePublicKey(keyFromJwk(inner.header.jwk), newSigner.publicKey))
  assert.ok(verifyJws(inner, newSigner.publicKey))
  assert.deepEqual(JSON.parse(Buffer.from(inner.payload).toString()), {
    account: account.url,
    oldKey: publicJwk(account.signer.publicKey),
  })
})

const elsewhere = jsonReply(200, valid, { location: `${scriptedOrigin}/account/2` })
const rollovers = [
  { name: 'lost after its effect', change: [replyLost], find: [existing] },
  { name: 'lost before its effect', change: [replyLost, done], find: [unknown, existing, existing] },
  { name: 'done, but without effect', change: [done], find: [unknown], error: 'ERR_ACCOUNT' },
  {
    name: 'lost, then done without effect',
    change: [replyLost, done],
    find: [unknown, existing, unknown],
    error: 'ERR_ACCOUNT',
  },
  { name: 'refused because it was done before', change: [refused], find: [existing] },
  { name: 'refused and not done', change: [refused], find: [unknown], error: 'ERR_ACME_PROBLEM' },
  {
    name: 'refused for another account',
    change: [problemReply(409, 'malformed')],
    find: [elsewhere],
    error: 'ERR_ACME_PROBLEM',
  },
  {
    name: 'that failed four times at the CA',
    change: Array.from({ length: 4 }, () => problemReply(500, 'serverInternal')),
    find: [],
    error: 'ERR_ACME_PROBLEM',
  },
  {
    name: 'refused for a while',
    change: [problemReply(429, 'rateLimited')],
    find: [],
    error: 'ERR_RATE_LIMITED',
  },
  {
    name: 'lost, with neither key known',
    change: [replyLost],
    find: [unknown, unknown],
    error: 'ERR_ACCOUNT',
  },
  { name: 'lost twice', change: [replyLost, replyLost], find: [unknown, existing], error: 'ERR_REPLY_LOST' },
]
for (const { name, change, find, error } of rollovers) {
  test(`a key change ${name} ${error === undefined ? 'ends with the new key' : `is ${error}`}`, async () => {
    const { ca, client, account, signal } = scriptedClient()
    ca.on('/key-change', ...change).on('/new-account', ...find)
    const asked = client.rolloverKey(account, newSigner, { signal })
    if (error === undefined) assert.equal((await asked).signer, newSigner)
    else await assert.rejects(asked, { code: error })
    assert.equal(ca.trace().length, change.length + find.length)
    const finds = ca.received.filter(({ path }) => path === '/new-account')
    for (const { payload } of finds) assert.deepEqual(payload, { onlyReturnExisting: true })
    if (finds[0]) assert.deepEqual(finds[0].header?.jwk, publicJwk(newSigner.publicKey), 'the new key first')
  })
}
