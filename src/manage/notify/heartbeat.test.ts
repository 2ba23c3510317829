import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError } from '../../base/errors.ts'
import { secondMs } from '../../base/instant.ts'
import type { HttpExchange, HttpReply, HttpRequest } from '../../runtime/http.ts'
import { fakeHttp, textReply } from '../../testing/fake-network.ts'
import { fakeRuntime } from '../../testing/fake-runtime.ts'
import { type Heartbeat, sendHeartbeat } from './heartbeat.ts'

const url = 'https://hc.example/ping/8f14e45f-ceea-467f-a0e6-111111111111'
const secret = '8f14e45f-ceea-467f-a0e6-111111111111'
const { signal } = new AbortController()

async function beat(
  heartbeat: Partial<Heartbeat> = {},
  answer: (count: number) => HttpReply | Promise<HttpReply> = () => textReply(200, 'OK'),
) {
  const seen: (HttpRequest & { readonly url: string })[] = []
  const http = fakeHttp((to, request) => {
    seen.push({ ...request, url: to })
    return answer(seen.length)
  })
  const runtime = fakeRuntime({ http }, { variables: { PING: url } })
  const beating = sendHeartbeat({ url, ok: true, text: '3 certificates', ...heartbeat }, { signal }, runtime)
  await runtime.clock.advance(secondMs) // the pause before the second attempt
  return { seen, error: await beating }
}

const cases = [
  { given: { url, ok: true }, expected: url },
  { given: { url, ok: false }, expected: `${url}/fail` },
  { given: { url: `${url}/?x=1`, ok: false }, expected: `${url}/fail?x=1` },
  { given: { url: { env: 'PING' }, ok: true }, expected: url },
]
for (const { given, expected } of cases) {
  test(`a run that went ${given.ok ? 'well' : 'wrong'} is told to ${expected}`, async () => {
    const { seen, error } = await beat(given)
    assert.equal(error, undefined)
    assert.deepEqual(
      seen.map(({ method, url: to, body }) => [method, to, body]),
      [['POST', expected, '3 certificates']],
    )
  })
}

test('one failure is tried again, a second is reported without the URL', async () => {
  const once = await beat({}, count => {
    if (count === 1) throw new AppError('ERR_NETWORK', `cannot connect to ${url}`)
    return textReply(200, 'OK')
  })
  assert.deepEqual([once.error, once.seen.length], [undefined, 2])
  const twice = await beat({}, () => {
    throw new AppError('ERR_REPLY_LOST', `POST ${url}: broke`, { hint: `look at ${url}` })
  })
  assert.equal(twice.seen.length, 2)
  assert.equal(twice.error?.code, 'ERR_NOTIFY')
  assert.match(twice.error?.message ?? '', /^the heartbeat was not taken: POST .*: broke$/)
  assert.ok(!`${twice.error?.message} ${twice.error?.hint}`.includes(secret))
  const refused = await beat({}, () => textReply(404, 'not found'))
  assert.match(refused.error?.message ?? '', /answered 404/)
})

test('what cannot be read or is no URL is reported, and nothing is sent', async () => {
  for (const given of [{ env: 'ABSENT' }, 'http://hc.example/x']) {
    const { seen, error } = await beat({ url: given })
    assert.equal(error?.code, 'ERR_NOTIFY')
    assert.equal(seen.length, 0)
  }
})

test('a service that never answers is left after ten seconds', async () => {
  const http: HttpExchange = () => new Promise(() => {})
  const runtime = fakeRuntime({ http })
  const beating = sendHeartbeat({ url, ok: true, text: '' }, { signal }, runtime)
  await runtime.clock.advance(10_000)
  assert.match((await beating)?.message ?? '', /not taken within 10 s/)
})

test('the text of a run is cut, and its control characters are escaped', async () => {
  const { seen } = await beat({ text: `\u001bone\n${'x\n'.repeat(10_000)}` })
  assert.ok((seen[0]?.body?.length ?? 0) < 4_100)
  assert.match(seen[0]?.body ?? '', /^\\u\{1b\}one\nx\n/)
})
