import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hourMs, minuteMs } from '../base/instant.ts'
import { textReply } from '../testing/fake-network.ts'
import { jsonReply, problemReply, scriptedDirectory, scriptedOrigin } from '../testing/scripted-ca.ts'
import { scriptedClient } from '../testing/scripted-client.ts'

const good = jsonReply(200, scriptedDirectory)
const redirect = (location: string, status = 302) => textReply(status, '', { location })

test('the directory is kept for hours, then fetched again', async () => {
  const { ca, client, clock, signal } = scriptedClient()
  await client.directory({ signal })
  await clock.advance(5 * hourMs)
  await client.directory({ signal })
  assert.equal(ca.received.length, 1)
  await clock.advance(2 * hourMs)
  await client.directory({ signal })
  assert.equal(ca.received.length, 2)
})

for (const status of [301, 302, 303, 307, 308]) {
  test(`a redirect with ${status} within the origin is followed`, async () => {
    const { ca, client, signal } = scriptedClient()
    ca.on('/directory', redirect('/v2/directory', status)).on('/v2/directory', good)
    assert.equal((await client.directory({ signal })).newOrder, scriptedDirectory.newOrder)
  })
}

test('three redirects are followed, four are not', async () => {
  const { ca, client, signal } = scriptedClient()
  ca.on('/directory', redirect('/a'), redirect('/a')).on('/a', redirect('/b'), redirect('/b'))
  ca.on('/b', redirect('/c'), redirect('/c')).on('/c', good, redirect('/d'))
  await client.directory({ signal })
  const other = scriptedClient()
  other.ca
    .on('/directory', redirect('/a'))
    .on('/a', redirect('/b'))
    .on('/b', redirect('/c'))
    .on('/c', redirect('/d'))
  await assert.rejects(other.client.directory({ signal }), {
    code: 'ERR_REPLY_INVALID',
    message: /redirects/,
  })
})

for (const location of [
  'https://other.example/directory',
  'http://ca.example/directory',
  '//other.example/d',
]) {
  test(`a redirect to ${location} is refused`, async () => {
    const { ca, client, signal } = scriptedClient()
    ca.on('/directory', redirect(location))
    await assert.rejects(client.directory({ signal }), {
      code: 'ERR_REPLY_INVALID',
      message: /is not at ca\.example/,
    })
    assert.equal(ca.received.length, 1)
  })
}

const invalid = [
  { name: 'a redirect without Location', reply: textReply(302, '') },
  { name: 'a page', reply: textReply(200, '<html>', { 'content-type': 'text/html' }) },
  { name: 'no newOrder', reply: jsonReply(200, { ...scriptedDirectory, newOrder: undefined }) },
  {
    name: 'newOrder elsewhere',
    reply: jsonReply(200, { ...scriptedDirectory, newOrder: 'https://other.example/o' }),
  },
  {
    name: 'newNonce by http',
    reply: jsonReply(200, { ...scriptedDirectory, newNonce: 'http://ca.example/n' }),
  },
  { name: 'no page at all', reply: textReply(404, 'not found', { 'content-type': 'text/plain' }) },
]
for (const { name, reply } of invalid) {
  test(`a directory that is ${name} is invalid`, async () => {
    const { ca, client, signal } = scriptedClient()
    ca.on('/directory', reply)
    await assert.rejects(client.directory({ signal }), { code: 'ERR_REPLY_INVALID', message: /ca\.example/ })
  })
}

const account = { status: 'valid' }
const location = { location: `${scriptedOrigin}/account/1` }

test('a resource that is gone is asked at its new place', async () => {
  const {
    ca,
    client,
    clock,
    signal,
    account: { signer },
  } = scriptedClient()
  const moved = { ...scriptedDirectory, newAccount: `${scriptedOrigin}/v2/new-account` }
  ca.on('/directory', good, jsonReply(200, moved))
  ca.on('/new-account', problemReply(404, 'malformed'))
  ca.on('/v2/new-account', jsonReply(201, account, location))
  await client.directory({ signal })
  await clock.advance(2 * minuteMs)
  await client.newAccount({ signer }, { signal })
  assert.deepEqual(ca.trace(), ['POST /new-account', 'POST /v2/new-account'])
  const { header, payload } = ca.received.at(-1) ?? assert.fail()
  assert.equal(header?.url, moved.newAccount)
  assert.deepEqual(payload, {})
})

test('newNonce is asked at its new place too', async () => {
  const {
    ca,
    client,
    clock,
    signal,
    account: { signer },
  } = scriptedClient()
  const moved = { ...scriptedDirectory, newNonce: `${scriptedOrigin}/v2/new-nonce` }
  ca.on('/directory', good, jsonReply(200, moved))
  ca.on('/new-nonce', textReply(404, ''))
  ca.on('/v2/new-nonce', textReply(200, '', { 'replay-nonce': 'from-elsewhere' }))
  ca.on('/new-account', jsonReply(201, account, location))
  await client.directory({ signal })
  await clock.advance(2 * minuteMs)
  await client.newAccount({ signer }, { signal })
  assert.equal(ca.received.find(({ header }) => header !== undefined)?.header?.nonce, 'from-elsewhere')
})

test('a 404 with an unchanged directory stays a refusal', async () => {
  const {
    ca,
    client,
    clock,
    signal,
    account: { signer },
  } = scriptedClient()
  ca.on('/new-account', problemReply(404, 'malformed'))
  await client.directory({ signal })
  await clock.advance(2 * minuteMs)
  await assert.rejects(client.newAccount({ signer }, { signal }), { code: 'ERR_ACME_PROBLEM' })
  assert.equal(ca.received.filter(({ path }) => path === '/directory').length, 2)
})

test('a 404 right after fetching the directory does not fetch it again', async () => {
  const {
    ca,
    client,
    signal,
    account: { signer },
  } = scriptedClient()
  ca.on('/new-account', problemReply(404, 'malformed'))
  await assert.rejects(client.newAccount({ signer }, { signal }), { code: 'ERR_ACME_PROBLEM' })
  assert.equal(ca.received.filter(({ path }) => path === '/directory').length, 1)
})

test('what the directory does not have cannot be asked', async () => {
  const { ca, client, signal, account } = scriptedClient()
  ca.on('/directory', jsonReply(200, { ...scriptedDirectory, keyChange: undefined }))
  await assert.rejects(client.rolloverKey(account, account.signer, { signal }), {
    code: 'ERR_UNSUPPORTED',
    message: /ca\.example does not offer keyChange/,
  })
})

// The fake clock begins at 2030-01-01T00:00:00Z.
const clocks: readonly { name: string; headers: Record<string, string>; ahead: number | undefined }[] = [
  { name: 'an hour ahead', headers: { date: 'Tue, 01 Jan 2030 01:00:00 GMT' }, ahead: hourMs },
  { name: 'a minute behind', headers: { date: 'Mon, 31 Dec 2029 23:59:00 GMT' }, ahead: -minuteMs },
  {
    name: 'right, from a cache that kept the reply for ten minutes',
    headers: { date: 'Mon, 31 Dec 2029 23:50:00 GMT', age: '600' },
    ahead: 0,
  },
  { name: 'not told', headers: {}, ahead: undefined },
  { name: 'not told in words that can be read', headers: { date: 'soon' }, ahead: undefined },
  {
    name: 'not told by a cache with an unreadable age',
    headers: { date: 'Tue, 01 Jan 2030 00:00:00 GMT', age: '-1' },
    ahead: undefined,
  },
]
for (const { name, headers, ahead } of clocks) {
  test(`the clock of the CA is ${name}`, async () => {
    const { ca, client, signal } = scriptedClient()
    ca.on('/directory', jsonReply(200, scriptedDirectory, headers))
    assert.equal(await client.clockAheadMs({ signal }), ahead)
    await client.directory({ signal })
    assert.equal(ca.received.length, 1, 'one reply tells both')
  })
}
