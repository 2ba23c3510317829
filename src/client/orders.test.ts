import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseIdentifier } from '../acme/identifier.ts'
import { parseOrder } from '../acme/order.ts'
import { parseUrl } from '../acme/wire.ts'
import { formatInstant, instant } from '../base/instant.ts'
import {
  jsonReply,
  problemReply,
  replyLost,
  scriptedDirectory,
  scriptedOrigin,
} from '../testing/scripted-ca.ts'
import { scriptedClient } from '../testing/scripted-client.ts'
import { maxOrderBytes } from './orders.ts'

const identifiers = [parseIdentifier('a.example'), parseIdentifier('*.b.example')]
const wire = (more: Readonly<Record<string, unknown>> = {}) => ({
  status: 'pending',
  identifiers,
  authorizations: [`${scriptedOrigin}/authorization/1`, `${scriptedOrigin}/authorization/2`],
  finalize: `${scriptedOrigin}/finalize/1`,
  ...more,
})
const url = parseUrl(`${scriptedOrigin}/order/1`)
const location = { location: url }
const created = jsonReply(201, wire(), location)
const withStatus = (status: string) =>
  jsonReply(
    200,
    wire({ status, ...(status === 'valid' && { certificate: `${scriptedOrigin}/certificate/1` }) }),
  )
const accountWithOrders = jsonReply(200, { status: 'valid', orders: `${scriptedOrigin}/orders` })
const orderList = (paths: readonly string[], headers = {}) =>
  jsonReply(200, { orders: paths.map(path => scriptedOrigin + path) }, headers)

test('an order says what is wanted, and its URL is the Location', async () => {
  const { ca, client, account, signal } = scriptedClient()
  ca.on('/new-order', jsonReply(201, wire({ status: 'ready' }), { ...location, 'retry-after': '5' }))
  const notAfter = instant(Date.UTC(2030, 5, 1))
  const request = { identifiers, profile: 'classic', replaces: 'aa.bb', notAfter }
  const { order, retryAt } = await client.newOrder(account, request, { signal })
  assert.equal(order.url, url)
  assert.equal(order.status, 'ready')
  assert.equal(retryAt && formatInstant(retryAt), '2030-01-01T00:00:05Z')
  assert.deepEqual(ca.received.at(-1)?.payload, {
    identifiers,
    profile: 'classic',
    replaces: 'aa.bb',
    notAfter: '2030-06-01T00:00:00Z',
  })
})

test('replaces is left out where the CA gives no renewal information', async () => {
  const { ca, client, account, signal } = scriptedClient()
  ca.on('/directory', jsonReply(200, { ...scriptedDirectory, renewalInfo: undefined }))
  ca.on('/new-order', created)
  await client.newOrder(account, { identifiers, replaces: 'aa.bb' }, { signal })
  assert.deepEqual(ca.received.at(-1)?.payload, { identifiers })
})

test('a profile that the CA does not have is not sent', async () => {
  const { ca, client, account, signal } = scriptedClient()
  await assert.rejects(client.newOrder(account, { identifiers, profile: 'tiny' }, { signal }), {
    code: 'ERR_UNSUPPORTED',
    message: 'ca.example has no profile "tiny"',
    hint: 'it offers classic',
  })
  assert.deepEqual(ca.trace(), [])
})

test('a refusal names the CA and the identifiers', async () => {
  const { ca, client, account, signal } = scriptedClient()
  const subproblems = [
    { type: 'urn:ietf:params:acme:error:rejectedIdentifier', detail: 'no', identifier: identifiers[0] },
  ]
  ca.on('/new-order', problemReply(400, 'rejectedIdentifier', { subproblems }))
  await assert.rejects(client.newOrder(account, { identifiers }, { signal }), {
    message:
      'ca.example refused to create an order for a.example and 1 more: rejectedIdentifier: a case of rejectedIdentifier (a.example: no)',
  })
})

const foreign = 'https://other.example/x'
const invalid = [
  { name: 'no Location', reply: jsonReply(201, wire()) },
  { name: 'a foreign Location', reply: jsonReply(201, wire(), { location: foreign }) },
  { name: 'a foreign finalize URL', reply: jsonReply(201, wire({ finalize: foreign }), location) },
  { name: 'a foreign authorization', reply: jsonReply(201, wire({ authorizations: [foreign] }), location) },
  {
    name: 'a foreign certificate',
    reply: jsonReply(201, wire({ status: 'valid', certificate: foreign }), location),
  },
  {
    name: 'a finalize URL by http',
    reply: jsonReply(201, wire({ finalize: 'http://ca.example/f' }), location),
  },
  { name: 'valid without certificate', reply: jsonReply(201, wire({ status: 'valid' }), location) },
]
for (const { name, reply } of invalid) {
  test(`an order with ${name} is an invalid reply`, async () => {
    const { ca, client, account, signal } = scriptedClient()
    ca.on('/new-order', reply)
    await assert.rejects(client.newOrder(account, { identifiers }, { signal }), {
      code: 'ERR_REPLY_INVALID',
      message: /ca\.example/,
    })
  })
}

test('an order with 100 of the longest names and a subproblem for each is read', async () => {
  const names = Array.from({ length: 100 }, (_, index) => `${index}`.padEnd(240, 'x'))
  const many = wire({
    status: 'invalid',
    identifiers: names.map(value => ({ type: 'dns', value })),
    authorizations: names.map((_, index) => `${scriptedOrigin}/${'a'.repeat(200)}/${index}`),
    error: {
      type: 'urn:ietf:params:acme:error:compound',
      subproblems: names.map(value => ({
        type: 'x',
        detail: 'y'.repeat(600),
        identifier: { type: 'dns', value },
      })),
    },
  })
  const { ca, client, account, signal } = scriptedClient()
  ca.on('/order/1', jsonReply(200, many), jsonReply(200, { ...many, padding: 'z'.repeat(maxOrderBytes) }))
  assert.equal((await client.readOrder(account, url, { signal })).order.identifiers.length, 100)
  await assert.rejects(client.readOrder(account, url, { signal }), { code: 'ERR_REPLY_TOO_LARGE' })
})

test('a lost newOrder is found in the list of orders, newest first, across pages', async () => {
  const { ca, client, account, signal } = scriptedClient()
  ca.on('/new-order', replyLost).on('/account/1', accountWithOrders)
  ca.on('/orders', orderList(['/order/7'], { link: '</orders?page=2>;rel="next"' }))
  ca.on('/orders?page=2', orderList(['/order/8', '/order/9']))
  ca.on('/order/9', jsonReply(200, wire({ identifiers: [identifiers[0]] })))
  ca.on('/order/8', jsonReply(200, wire({ identifiers: identifiers.toReversed() })))
  const { order } = await client.newOrder(account, { identifiers }, { signal })
  assert.equal(order.url, `${scriptedOrigin}/order/8`)
  assert.equal(ca.trace().filter(line => line === 'POST /new-order').length, 1)
})

test('orders that are finished or for something else are not the lost one; it is created again', async () => {
  const { ca, client, account, signal } = scriptedClient()
  const request = { identifiers, profile: 'classic', replaces: 'aa.bb' }
  const { profile, replaces } = request
  const others = [
    { status: 'valid', certificate: `${scriptedOrigin}/certificate/1`, profile, replaces },
    { status: 'processing', profile, replaces },
    { status: 'invalid', profile, replaces },
    { profile: 'other', replaces },
    { profile, replaces: 'cc.dd' },
    { profile, replaces, identifiers: [identifiers[0]] },
  ]
  ca.on('/new-order', replyLost, created).on('/account/1', accountWithOrders)
  ca.on('/orders', orderList(others.map((_, index) => `/order/${index + 10}`)))
  others.forEach((other, index) => ca.on(`/order/${index + 10}`, jsonReply(200, wire(other))))
  const { order } = await client.newOrder(account, request, { signal })
  assert.equal(order.url, url)
  assert.equal(ca.trace().filter(line => line === 'POST /new-order').length, 2)
})

test('a hundred orders are looked at for a lost one, not more', async () => {
  const { ca, client, account, signal } = scriptedClient()
  const paths = Array.from({ length: 101 }, (_, index) => `/order/${index + 10}`)
  ca.on('/new-order', replyLost).on('/account/1', accountWithOrders).on('/orders', orderList(paths))
  for (const path of paths.slice(1)) ca.on(path, withStatus('valid'))
  await assert.rejects(client.newOrder(account, { identifiers }, { signal }), { code: 'ERR_REPLY_LOST' })
})

const unknowable = [
  { name: 'no list of orders', account: jsonReply(200, { status: 'valid' }), list: [] },
  {
    name: 'more pages than are read',
    account: accountWithOrders,
    list: Array.from({ length: 10 }, () => orderList([], { link: '</orders>;rel=next' })),
  },
]
for (const { name, account: accountReply, list } of unknowable) {
  test(`a lost newOrder at a CA with ${name} is left undecided`, async () => {
    const { ca, client, account, signal } = scriptedClient()
    ca.on('/new-order', replyLost)
      .on('/account/1', accountReply)
      .on('/orders', ...list)
    await assert.rejects(client.newOrder(account, { identifiers }, { signal }), {
      code: 'ERR_REPLY_LOST',
      message: /ca\.example may or may not have created an order for a\.example and 1 more/,
    })
    assert.equal(ca.trace().filter(line => line === 'POST /new-order').length, 1)
  })
}

test('a lost order with dates of its own cannot be recognised', async () => {
  const { ca, client, account, signal } = scriptedClient()
  ca.on('/new-order', replyLost, created).on('/account/1', accountWithOrders)
  ca.on('/orders', orderList(['/order/8'])).on('/order/8', withStatus('pending'))
  const notAfter = instant(Date.UTC(2030, 5, 1))
  const { order } = await client.newOrder(account, { identifiers, notAfter }, { signal })
  assert.equal(order.url, url)
})

test('a foreign URL in the list of orders is an invalid reply', async () => {
  const { ca, client, account, signal } = scriptedClient()
  ca.on('/account/1', accountWithOrders).on('/orders', jsonReply(200, { orders: [foreign] }))
  await assert.rejects(client.listOrders(account, { signal }), { code: 'ERR_REPLY_INVALID' })
})

test('a CA without list of orders gives none', async () => {
  const { ca, client, account, signal } = scriptedClient()
  ca.on('/account/1', jsonReply(200, { status: 'valid' }))
  assert.equal(await client.listOrders(account, { signal }), undefined)
})

const order = parseOrder(url, wire({ status: 'ready' }))
const notReady = problemReply(403, 'orderNotReady')
const finalizations = [
  { name: 'answered', answers: [withStatus('processing')], reads: [], status: 'processing' },
  {
    name: 'lost after its effect',
    answers: [replyLost],
    reads: [withStatus('processing')],
    status: 'processing',
  },
  { name: 'lost, and already issued', answers: [replyLost], reads: [withStatus('valid')], status: 'valid' },
  { name: 'lost, and failed', answers: [replyLost], reads: [withStatus('invalid')], status: 'invalid' },
  {
    name: 'lost before its effect',
    answers: [replyLost, withStatus('valid')],
    reads: [withStatus('ready')],
    status: 'valid',
  },
  { name: 'refused because it was done', answers: [notReady], reads: [withStatus('valid')], status: 'valid' },
]
for (const { name, answers, reads, status } of finalizations) {
  test(`a finalize that is ${name} gives an order that is ${status}`, async () => {
    const { ca, client, account, signal } = scriptedClient()
    ca.on('/finalize/1', ...answers).on('/order/1', ...reads)
    const reply = await client.finalize(account, order, Uint8Array.of(1, 2, 3), { signal })
    assert.equal(reply.order.status, status)
    assert.equal(reply.order.url, url)
    assert.equal(ca.trace().length, answers.length + reads.length)
    assert.deepEqual(ca.received.find(({ path }) => path === '/finalize/1')?.payload, { csr: 'AQID' })
  })
}

const failedFinalizations = [
  {
    name: 'refused too early',
    answers: [notReady],
    reads: [withStatus('pending')],
    code: 'ERR_ACME_PROBLEM',
  },
  {
    name: 'refused for its CSR',
    answers: [problemReply(400, 'badCSR')],
    reads: [],
    code: 'ERR_ACME_PROBLEM',
  },
  {
    name: 'lost twice',
    answers: [replyLost, replyLost],
    reads: [withStatus('ready')],
    code: 'ERR_REPLY_LOST',
  },
]
for (const { name, answers, reads, code } of failedFinalizations) {
  test(`a finalize that is ${name} is ${code}`, async () => {
    const { ca, client, account, signal } = scriptedClient()
    ca.on('/finalize/1', ...answers).on('/order/1', ...reads)
    await assert.rejects(client.finalize(account, order, Uint8Array.of(1), { signal }), {
      code,
      message: /ca\.example .* finalize the order for a\.example and 1 more/,
    })
    assert.equal(ca.trace().length, answers.length + reads.length)
  })
}
