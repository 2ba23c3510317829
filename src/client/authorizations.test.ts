import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseUrl } from '../acme/wire.ts'
import { formatInstant } from '../base/instant.ts'
import { jsonReply, problemReply, replyLost, scriptedOrigin } from '../testing/scripted-ca.ts'
import { scriptedClient } from '../testing/scripted-client.ts'

const url = parseUrl(`${scriptedOrigin}/authorization/1`)
const challengeUrl = parseUrl(`${scriptedOrigin}/challenge/1`)
const challenge = (status = 'pending', more = {}) => ({
  type: 'http-01',
  url: challengeUrl,
  status,
  token: 'LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0',
  ...more,
})
const authorization = (status: string, more = {}) =>
  jsonReply(200, {
    status,
    identifier: { type: 'dns', value: 'a.example' },
    challenges: [challenge()],
    ...more,
  })

test('an authorization is read, with the time to come back', async () => {
  const { ca, client, account, signal } = scriptedClient()
  const reply = authorization('pending')
  ca.on('/authorization/1', { ...reply, headers: new Map([...reply.headers, ['retry-after', '7']]) })
  const { authorization: read, retryAt } = await client.readAuthorization(account, url, { signal })
  assert.equal(read.url, url)
  assert.equal(read.challenges[0]?.url, challengeUrl)
  assert.equal(retryAt && formatInstant(retryAt), '2030-01-01T00:00:07Z')
})

test('a foreign challenge is an invalid reply', async () => {
  const { ca, client, account, signal } = scriptedClient()
  const challenges = [challenge('pending', { url: 'https://other.example/challenge' })]
  ca.on('/authorization/1', authorization('pending', { challenges }))
  await assert.rejects(client.readAuthorization(account, url, { signal }), {
    code: 'ERR_REPLY_INVALID',
    message: /read the authorization .* not at ca\.example/,
  })
})

const deactivations = [
  { name: 'answered', answers: [authorization('deactivated')] },
  { name: 'lost after its effect', answers: [replyLost, authorization('deactivated')] },
  {
    name: 'lost before its effect',
    answers: [replyLost, authorization('valid'), authorization('deactivated')],
  },
]
for (const { name, answers } of deactivations) {
  test(`a deactivation that is ${name} is done`, async () => {
    const { ca, client, account, signal } = scriptedClient()
    ca.on('/authorization/1', ...answers)
    assert.equal((await client.deactivateAuthorization(account, url, { signal })).status, 'deactivated')
    const expected = ['POST', 'POST-as-GET', 'POST'].slice(0, answers.length)
    assert.deepEqual(
      ca.trace(),
      expected.map(method => `${method} /authorization/1`),
    )
  })
}

test('an authorization that stays valid was not deactivated', async () => {
  const { ca, client, account, signal } = scriptedClient()
  ca.on('/authorization/1', authorization('valid'))
  await assert.rejects(client.deactivateAuthorization(account, url, { signal }), {
    code: 'ERR_REPLY_INVALID',
  })
})

const answers = [
  { name: 'answered', replies: [challenge('processing')], status: 'processing' },
  { name: 'lost after its effect', replies: [undefined, challenge('processing')], status: 'processing' },
  { name: 'lost, and validated since', replies: [undefined, challenge('valid')], status: 'valid' },
  {
    name: 'lost before its effect',
    replies: [undefined, challenge('pending'), challenge('processing')],
    status: 'processing',
  },
]
for (const { name, replies, status } of answers) {
  test(`a challenge whose answer was ${name} is ${status}`, async () => {
    const { ca, client, account, signal } = scriptedClient()
    ca.on('/challenge/1', ...replies.map(reply => (reply === undefined ? replyLost : jsonReply(200, reply))))
    const reply = await client.answerChallenge(account, challengeUrl, { signal })
    assert.equal(reply.challenge.status, status)
    const payloads = ca.received.flatMap(({ payload }) => payload ?? [])
    assert.deepEqual(payloads, [{}, '', {}].slice(0, replies.length))
  })
}

test('a challenge that is elsewhere is an invalid reply', async () => {
  const { ca, client, account, signal } = scriptedClient()
  ca.on('/challenge/1', jsonReply(200, challenge('processing', { url: 'https://other.example/challenge' })))
  await assert.rejects(client.answerChallenge(account, challengeUrl, { signal }), {
    code: 'ERR_REPLY_INVALID',
  })
})

test('a refused answer is a refusal', async () => {
  const { ca, client, account, signal } = scriptedClient()
  ca.on('/challenge/1', problemReply(400, 'malformed'))
  await assert.rejects(client.answerChallenge(account, challengeUrl, { signal }), {
    code: 'ERR_ACME_PROBLEM',
    message: /ca\.example refused to look at the challenge response: malformed/,
  })
})
