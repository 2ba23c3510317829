import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { describeDaemon } from '../cli/daemon-text.ts'
import type { LocalHttp } from '../runtime/local-http.ts'
import { fakeRuntime } from '../testing/fake-runtime.ts'
import { daemonSocketPath, daemonStatus, daemonStatusJson, tellDaemon } from './status.ts'

const guide = readFileSync(new URL('../../docs/guides/json.md', import.meta.url), 'utf8')
const [, shown = ''] = /<!-- daemon: status -->\n```json\n(.*?)```/s.exec(guide) ?? []
const { running: _, ...documented } = JSON.parse(shown) as Record<string, unknown>

function answering(body: string): { readonly localHttp: LocalHttp } {
  return { localHttp: { listen: () => assert.fail(), ask: async () => ({ status: 200, body }) } }
}

test('a status is understood by whoever asks, and is what the guide shows', async () => {
  const status = await daemonStatus('/state', answering(JSON.stringify(documented)))
  assert.ok(status)
  assert.deepEqual(daemonStatusJson(status), documented)
})

for (const body of ['', '[]', '{"pid":1}', JSON.stringify({ ...documented, since: 'yesterday' })]) {
  test(`an answer that is no status is refused: ${body.slice(0, 30)}`, async () => {
    await assert.rejects(daemonStatus('/state', answering(body)), {
      code: 'ERR_REPLY_INVALID',
      message: /^\/state\/daemon\.sock answers 200 and no status/,
    })
  })
}

test('where nobody listens there is no daemon', async () => {
  assert.equal(await daemonStatus('/state', fakeRuntime()), undefined)
  assert.equal(await tellDaemon('/state', fakeRuntime()), false)
  assert.equal(daemonSocketPath('/state'), '/state/daemon.sock')
})

for (const { name, body, text } of [
  {
    name: 'in trouble',
    body: JSON.stringify({ ...documented, phase: 'applying' }),
    text: `daemon: running since 2026-11-21T04:00:00Z (1136 d ago), applying, next look 2026-11-21T05:11:21Z (1136 d ago)
  ...
  hint: ...
  ...
  hint: ...
  ...
  hint: ...
`,
  },
  {
    name: 'that answers something else',
    body: '{}',
    text: /^daemon: \/state\/daemon\.sock answers 200 and no status: .*\n {2}hint: restart the daemon/,
  },
]) {
  test(`people are told of a daemon ${name}`, async () => {
    const described = await describeDaemon('/state', fakeRuntime(answering(body)))
    if (typeof text === 'string') assert.equal(described.text, text)
    else assert.match(described.text, text)
  })
}
