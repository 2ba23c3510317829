/** What holds for every request, shown by reading an account and by changing its contacts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AcmeProblemError } from '../acme/problem.ts'
import { parseUrl } from '../acme/wire.ts'
import { AppError } from '../base/errors.ts'
import { formatInstant, hourMs, plusMs } from '../base/instant.ts'
import { fakeClock } from '../testing/fake-clock.ts'
import { textReply } from '../testing/fake-network.ts'
import { fakeRuntime } from '../testing/fake-runtime.ts'
import {
  jsonReply,
  notSent,
  problemReply,
  replyLost,
  scriptedCa,
  scriptedDirectory,
  scriptedOrigin,
} from '../testing/scripted-ca.ts'
import { scriptedClient } from '../testing/scripted-client.ts'
import { createAcmeClient } from './client.ts'

const path = '/account/1'
const good = jsonReply(200, { status: 'valid', contact: ['mailto:a@example.org'] })
const html = (status: number, headers = {}) =>
  textReply(status, '<html>\n  <b>gateway</b>\u001b[31m', { 'content-type': 'text/html', ...headers })

test('a read is a POST-as-GET, signed for its URL, by the account, with a nonce', async () => {
  const { ca, client, account, signal } = scriptedClient()
  ca.on(path, good)
  assert.deepEqual((await client.readAccount(account, { signal })).contact, ['mailto:a@example.org'])
  const { header, payload, request } = ca.received.at(-1) ?? assert.fail()
  assert.deepEqual(header, {
    alg: 'ES256',
    nonce: 'nonce-1',
    url: `${scriptedOrigin}${path}`,
    kid: account.url,
  })
  assert.equal(payload, '')
  assert.equal(request.headers?.['content-type'], 'application/jose+json')
  assert.match(request.headers?.['user-agent'] ?? '', /^certwright\/\S+ node\/\S+$/)
  assert.equal(request.headers?.['accept-language'], 'en')
})

test('user agent, language and roots are the ones that were set', async () => {
  const ca = scriptedCa()
  const options = { userAgent: 'shop/2', acceptLanguage: 'de', trustPem: 'PEM', directory: ca.directory }
  const client = createAcmeClient(options, fakeRuntime({ http: ca.http }))
  await client.directory({ signal: new AbortController().signal })
  const { headers, trustPem } = ca.received[0]?.request ?? assert.fail()
  assert.match(headers?.['user-agent'] ?? '', /^shop\/2 node\//)
  assert.equal(headers?.['accept-language'], 'de')
  assert.equal(trustPem, 'PEM')
})

test('one nonce is asked for, the next ones come with the replies', async () => {
  const { ca, client, account, signal } = scriptedClient()
  ca.on(path, good, good, good)
  for (let count = 0; count < 3; count += 1) await client.readAccount(account, { signal })
  assert.equal(ca.received.filter(({ method }) => method === 'HEAD').length, 1)
})

test('a CA that forgot all nonces costs one more request each time', async () => {
  const { ca, client, account, signal } = scriptedClient()
  ca.on(path, good, good)
  await client.readAccount(account, { signal })
  ca.forgetNonces()
  await client.readAccount(account, { signal })
  assert.equal(ca.trace().length, 3)
  assert.equal(ca.received.filter(({ method }) => method === 'HEAD').length, 1)
})

test('after badNonce the nonce of that very error is used', async () => {
  const { ca, client, account, signal } = scriptedClient()
  ca.on(path, good, problemReply(400, 'badNonce'), good)
  await client.readAccount(account, { signal })
  await client.readAccount(account, { signal })
  const nonces = ca.received.flatMap(({ header }) => header?.nonce ?? [])
  assert.deepEqual(nonces, ['nonce-1', 'nonce-2', 'nonce-3'])
})

test('a badNonce error without a usable nonce leads to newNonce', async () => {
  const { ca, client, account, signal } = scriptedClient()
  ca.on(path, problemReply(400, 'badNonce', {}, { 'replay-nonce': 'a==' }), good)
  await client.readAccount(account, { signal })
  assert.equal(ca.received.filter(({ method }) => method === 'HEAD').length, 2)
})

test('ten refused nonces are borne, also for effects', async () => {
  const { ca, client, account, signal } = scriptedClient()
  ca.on(path, ...Array.from({ length: 10 }, () => problemReply(400, 'badNonce')), good)
  await client.updateAccount(account, { contact: [] }, { signal })
})

test('eleven are not', async () => {
  const { ca, client, account, signal } = scriptedClient()
  ca.on(path, ...Array.from({ length: 11 }, () => problemReply(400, 'badNonce')))
  await assert.rejects(client.readAccount(account, { signal }), {
    code: 'ERR_ACME_PROBLEM',
    message: 'ca.example refused to read the account: badNonce: a case of badNonce',
  })
})

test('a newNonce that gives none is an invalid reply', async () => {
  const { ca, client, account, signal } = scriptedClient()
  ca.on('/new-nonce', textReply(200, '', { 'replay-nonce': 'not base64url!' }))
  await assert.rejects(client.readAccount(account, { signal }), {
    code: 'ERR_REPLY_INVALID',
    message: 'ca.example was asked to send a nonce and sent no usable Replay-Nonce field',
  })
})

const recoverable = [
  { name: 'three network faults', answers: [notSent, notSent, notSent], leastMs: 6_000, mostMs: 20_000 },
  {
    name: 'three lost replies to a read',
    answers: [replyLost, replyLost, replyLost],
    leastMs: 6_000,
    mostMs: 20_000,
  },
  { name: 'three 500', answers: [500, 502, 503].map(status => html(status)), leastMs: 6_000, mostMs: 20_000 },
  {
    name: '503 with Retry-After',
    answers: [html(503, { 'retry-after': '3' })],
    leastMs: 3_000,
    mostMs: 3_000,
  },
  {
    name: 'rateLimited with Retry-After',
    answers: [problemReply(429, 'rateLimited', {}, { 'retry-after': '9' })],
    leastMs: 9_000,
    mostMs: 9_000,
  },
]
for (const { name, answers, leastMs, mostMs } of recoverable) {
  test(`${name}, then a good reply, with a fresh nonce each time`, async () => {
    const { ca, client, clock, account, signal } = scriptedClient()
    const begin = clock.monotonic()
    ca.on(path, ...answers, good)
    await client.readAccount(account, { signal })
    const spentMs = clock.monotonic() - begin
    assert.ok(spentMs >= leastMs && spentMs <= mostMs, `${spentMs} ms`)
    const nonces = ca.received.flatMap(({ header }) => header?.nonce ?? [])
    assert.equal(new Set(nonces).size, answers.length + 1)
  })
}

test('faults of newNonce and of the directory are borne the same way', async () => {
  const { ca, client, account, signal } = scriptedClient()
  ca.on('/directory', notSent, html(503), jsonReply(200, scriptedDirectory))
  ca.on('/new-nonce', replyLost, html(500), textReply(204, '', { 'replay-nonce': 'x' }))
  ca.on(path, good)
  await client.directory({ signal })
  // The scripted CA never gave out "x", so one badNonce follows.
  await client.updateAccount(account, { contact: [] }, { signal })
  assert.equal(ca.trace().length, 2)
})

test('a lost reply of newNonce is no lost effect', async () => {
  const { ca, client, signal, account } = scriptedClient()
  ca.on('/new-nonce', replyLost)
  ca.on('/new-order', problemReply(403, 'unauthorized'))
  await assert.rejects(client.newOrder(account, { identifiers: [] }, { signal }), {
    code: 'ERR_ACME_PROBLEM',
  })
  assert.deepEqual(ca.trace(), ['POST /new-order'])
})

const final = [
  {
    name: 'a fourth network fault',
    answers: [notSent, notSent, notSent, notSent],
    error: {
      code: 'ERR_NETWORK',
      message: 'ca.example could not be asked to read the account: connection refused',
    },
  },
  {
    name: 'a network fault that lasts',
    answers: [
      new AppError('ERR_NETWORK', 'its certificate has expired', { lasting: true, hint: 'renew it' }),
    ],
    error: { code: 'ERR_NETWORK', lasting: true, hint: 'renew it' },
  },
  {
    name: 'a fourth lost reply to a read, which had no effect',
    answers: [replyLost, replyLost, replyLost, replyLost],
    error: { code: 'ERR_NETWORK' },
  },
  {
    name: 'a fourth 500',
    answers: Array.from({ length: 4 }, () => problemReply(500, 'serverInternal')),
    error: { code: 'ERR_ACME_PROBLEM', message: /serverInternal/ },
  },
  {
    name: 'HTML with status 200',
    answers: [html(200)],
    error: {
      code: 'ERR_REPLY_INVALID',
      message:
        'ca.example was asked to read the account and sent HTTP 200, text/html: "<html> <b>gateway</b>\\u{1b}[31m" in place of application/json',
    },
  },
  {
    name: 'HTML with status 403',
    answers: [html(403)],
    error: {
      code: 'ERR_REPLY_INVALID',
      message:
        'ca.example refused to read the account: HTTP 403, text/html: "<html> <b>gateway</b>\\u{1b}[31m"',
    },
  },
  {
    name: 'a problem document that is no JSON',
    answers: [textReply(403, '{', { 'content-type': 'application/problem+json' })],
    error: { code: 'ERR_REPLY_INVALID', message: /HTTP 403, application\/problem\+json: "\{"/ },
  },
  {
    name: 'a status without content',
    answers: [textReply(404, '')],
    error: { code: 'ERR_REPLY_INVALID', message: /HTTP 404, no content type, empty/ },
  },
  {
    name: 'a redirect',
    answers: [textReply(302, '', { location: `${scriptedOrigin}/elsewhere` })],
    error: { code: 'ERR_REPLY_INVALID', message: /HTTP 302/ },
  },
  {
    name: 'garbage as JSON',
    answers: [textReply(200, '\u0000\u0001 junk', { 'content-type': 'application/json' })],
    error: { code: 'ERR_REPLY_INVALID', message: /sent what is no JSON/ },
  },
  {
    name: 'JSON that is not UTF-8',
    answers: [{ ...jsonReply(200, {}), body: Uint8Array.of(0x22, 0xff, 0x22) }],
    error: { code: 'ERR_REPLY_INVALID', message: /sent what is no JSON/ },
  },
  {
    name: 'JSON of another shape',
    answers: [jsonReply(200, { status: 'cheerful' })],
    error: { code: 'ERR_REPLY_INVALID', message: /an account that cannot be read/ },
  },
  {
    name: 'JSON 17 levels deep',
    answers: [jsonReply(200, nest(17))],
    error: { code: 'ERR_REPLY_INVALID', message: /JSON deeper than 16 levels/ },
  },
  {
    name: 'JSON 30000 levels deep',
    answers: [
      textReply(200, '['.repeat(30_000) + ']'.repeat(30_000), { 'content-type': 'application/json' }),
    ],
    error: { code: 'ERR_REPLY_INVALID', message: /JSON deeper than 16 levels/ },
  },
  {
    name: 'more than 64 KiB',
    answers: [jsonReply(200, { status: 'valid', padding: 'x'.repeat(64 * 1024) })],
    error: { code: 'ERR_REPLY_TOO_LARGE', message: /ca\.example .* read the account/ },
  },
  {
    name: 'a wait of an hour',
    answers: [problemReply(429, 'rateLimited', { detail: 'too many' }, { 'retry-after': '3600' })],
    error: {
      code: 'ERR_RATE_LIMITED',
      message: 'ca.example refused to read the account: rateLimited: too many',
    },
  },
  {
    name: 'HTML with status 429',
    answers: [html(429)],
    error: { code: 'ERR_RATE_LIMITED', message: /HTTP 429, text\/html/ },
  },
  {
    name: 'a problem document as plain JSON, with a status of its own',
    answers: [jsonReply(403, { type: 'urn:ietf:params:acme:error:unauthorized', detail: 'no', status: 500 })],
    error: { code: 'ERR_ACME_PROBLEM', message: 'ca.example refused to read the account: unauthorized: no' },
  },
  {
    name: 'HTML with status 503 that asks to come back in an hour',
    answers: [html(503, { 'retry-after': '3600' })],
    error: { code: 'ERR_RATE_LIMITED' },
  },
]
for (const { name, answers, error } of final) {
  test(`${name}: ${error.code}`, async () => {
    const { ca, client, account, signal } = scriptedClient()
    ca.on(path, ...answers)
    await assert.rejects(client.readAccount(account, { signal }), error)
    assert.equal(ca.trace().length, answers.length)
  })
}

function nest(levels: number): unknown {
  return levels === 0 ? 0 : { a: nest(levels - 1) }
}

test('JSON 16 levels deep is read', async () => {
  const { ca, client, account, signal } = scriptedClient()
  ca.on(path, jsonReply(200, { status: 'valid', extra: nest(15) }))
  await client.readAccount(account, { signal })
})

const retryAfter = [
  { field: '3600', afterMs: hourMs },
  { field: new Date(Date.UTC(2030, 0, 1, 1)).toUTCString(), afterMs: hourMs },
  { field: '31536000', afterMs: 24 * hourMs },
  { field: 'soon', afterMs: undefined },
]
for (const { field, afterMs } of retryAfter) {
  test(`a refusal with Retry-After ${field} says ${afterMs === undefined ? 'nothing' : 'when'}`, async () => {
    const { ca, client, account, signal } = scriptedClient()
    ca.on(path, problemReply(403, 'rateLimited', {}, { 'retry-after': field }))
    const now = fakeClock().now()
    await assert.rejects(client.readAccount(account, { signal }), (error: unknown) => {
      assert.ok(error instanceof AcmeProblemError)
      const expected = afterMs === undefined ? undefined : formatInstant(plusMs(now, afterMs))
      assert.equal(error.retryAt && formatInstant(error.retryAt), expected)
      assert.equal(error.problem.status, 403)
      return true
    })
  })
}

const hints = [
  {
    name: 'badSignatureAlgorithm names the algorithms',
    reply: problemReply(400, 'badSignatureAlgorithm', { algorithms: ['RS256', 'ES256'] }),
    hint: /RS256, ES256/,
  },
  {
    name: 'badSignatureAlgorithm without algorithms',
    reply: problemReply(400, 'badSignatureAlgorithm'),
    hint: /ES256/,
  },
  {
    name: 'userActionRequired names the page',
    reply: problemReply(403, 'userActionRequired', { instance: 'https://ca.example/terms/2' }),
    hint: /https:\/\/ca\.example\/terms\/2/,
  },
  {
    name: 'userActionRequired names the terms of the Link field',
    reply: problemReply(
      403,
      'userActionRequired',
      {},
      { link: '<https://www.example.org/t>;rel="terms-of-service"' },
    ),
    hint: /https:\/\/www\.example\.org\/t/,
  },
  {
    name: 'rateLimited names the page of the Link field',
    reply: problemReply(403, 'rateLimited', {}, { link: '<https://docs.example.org/limits>;rel="help"' }),
    hint: /https:\/\/docs\.example\.org\/limits/,
  },
  {
    name: 'externalAccountRequired says what to get',
    reply: problemReply(403, 'externalAccountRequired'),
    hint: /HMAC key/,
  },
]
for (const { name, reply, hint } of hints) {
  test(`the hint for ${name}`, async () => {
    const { ca, client, account, signal } = scriptedClient()
    ca.on(path, reply)
    await assert.rejects(client.readAccount(account, { signal }), { hint })
  })
}

test('control characters of the CA never reach a message', async () => {
  const { ca, client, account, signal } = scriptedClient()
  ca.on(path, problemReply(403, 'unauthorized', { detail: 'a\u001b[2Jb\u202ec' }))
  await assert.rejects(client.readAccount(account, { signal }), { message: /a\\u\{1b\}\[2Jb\\u\{202e\}c/ })
})

for (const status of [502, 504]) {
  test(`a gateway that answers ${status} may have lost the answer to an effect`, async () => {
    const { ca, client, account, signal } = scriptedClient()
    ca.on('/new-order', html(status))
    ca.on(path, good) // the account has no list of orders to look into
    await assert.rejects(client.newOrder(account, { identifiers: [] }, { signal }), {
      code: 'ERR_REPLY_LOST',
    })
  })
}

test('an account of another CA signs nothing here', async () => {
  const { ca, client, account, signal } = scriptedClient()
  const foreign = { ...account, url: parseUrl('https://other.example/account/1') }
  await assert.rejects(client.readAccount(foreign, { signal }), { code: 'ERR_ACCOUNT' })
  await assert.rejects(client.newOrder(foreign, { identifiers: [] }, { signal }), { code: 'ERR_ACCOUNT' })
  assert.deepEqual(ca.trace(), [])
})

test('a URL of another origin is asked for nothing', async () => {
  const { ca, client, account, signal } = scriptedClient()
  for (const foreign of ['https://other.example/order/1', 'http://ca.example/order/1']) {
    await assert.rejects(client.readOrder(account, parseUrl(foreign), { signal }), {
      code: 'ERR_REPLY_INVALID',
    })
  }
  assert.deepEqual(ca.trace(), [])
})

test('an aborted signal ends a pause and is no fault of the CA', async () => {
  const ca = scriptedCa().on('/directory', notSent)
  const runtime = fakeRuntime({ http: ca.http })
  const client = createAcmeClient({ directory: ca.directory }, runtime)
  const cancel = new AbortController()
  const asking = client.directory({ signal: cancel.signal })
  await runtime.clock.advance(10)
  assert.equal(runtime.clock.sleepers, 1)
  cancel.abort()
  await assert.rejects(asking, { code: 'ERR_ABORTED', message: /ca\.example/ })
  assert.equal(ca.received.length, 1)
})

test('an AppError as the reason of an abort is passed on', async () => {
  const { client, signal: _, account, ca } = scriptedClient()
  ca.on(path, good)
  const reason = new AppError('ERR_ABORTED', 'the day is over')
  await assert.rejects(client.readAccount(account, { signal: AbortSignal.abort(reason) }), reason)
})

test('requests, retries and refused nonces are logged without secrets', async () => {
  const events: string[] = []
  const { ca, client, account, signal } = scriptedClient({
    log: (level, event, fields) => events.push(`${level} ${event} ${JSON.stringify(fields)}`),
  })
  ca.on(path, problemReply(400, 'badNonce'), notSent, good)
  await client.readAccount(account, { signal })
  assert.ok(
    events.some(event => event.startsWith('warn acme-retry {"ca":"ca.example","task":"read the account"')),
  )
  assert.ok(events.some(event => event.startsWith('debug acme-nonce-refused')))
  assert.ok(events.some(event => /^debug acme-request .*"status":200/.test(event)))
  assert.ok(!events.some(event => /nonce-\d/.test(event)), 'nonces are not logged')
})
