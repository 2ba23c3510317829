import assert from 'node:assert/strict'
import { it } from 'node:test'
import { makeProblem } from '../acme/problem.ts'
import { parseUrl } from '../acme/wire.ts'
import { AppError } from '../base/errors.ts'
import { errorReply, notFound, refusal, toResponse } from './reply.ts'

const directory = parseUrl('https://ca.test/directory')

for (const [name, error] of [
  ['an error of the language', new TypeError('the password is hunter2')],
  ['an error of ours', new AppError('ERR_STORE', 'cannot read /secret/path')],
  ['something that is no error', 'the password is hunter2'],
] as const) {
  it(`${name} becomes serverInternal without a word about the inside, and is logged`, async () => {
    const logged: unknown[] = []
    const reply = errorReply(error, (level, event, fields) => logged.push([level, event, fields]))
    const response = toResponse(reply, { nonce: 'n', directory })
    assert.equal(response.status, 500)
    assert.doesNotMatch(await response.text(), /hunter2|secret/)
    assert.match(JSON.stringify(logged), /request-failed.*(hunter2|secret)/)
  })
}

it('a refusal becomes its problem and is not logged as an error', () => {
  const log = () => assert.fail('must not be logged')
  assert.deepEqual(errorReply(refusal('unauthorized', 'no'), log), {
    problem: makeProblem('unauthorized', 'no', { status: 403 }),
  })
  assert.deepEqual(errorReply(notFound('order'), log), {
    problem: makeProblem('malformed', 'there is no such order', { status: 404 }),
  })
})

it('a response has the common fields, and its own', async () => {
  const response = toResponse(
    {
      json: { a: 1, b: undefined },
      status: 201,
      headers: { Location: 'https://ca.test/x' },
      links: [{ url: 'https://ca.test/up', rel: 'up' }],
    },
    { nonce: 'fresh', directory },
  )
  assert.equal(response.status, 201)
  assert.deepEqual(Object.fromEntries(response.headers), {
    'cache-control': 'no-store',
    'content-type': 'application/json',
    link: '<https://ca.test/directory>;rel="index", <https://ca.test/up>;rel="up"',
    location: 'https://ca.test/x',
    'replay-nonce': 'fresh',
    'x-content-type-options': 'nosniff',
  })
  assert.equal(await response.text(), '{"a":1}')
})
