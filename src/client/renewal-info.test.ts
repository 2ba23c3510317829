import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dayMs, hourMs, minuteMs } from '../base/instant.ts'
import { jsonReply, problemReply, replyLost, scriptedDirectory } from '../testing/scripted-ca.ts'
import { scriptedClient } from '../testing/scripted-client.ts'

const id = 'aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE'
const path = `/renewal-info/${id}`
const suggestedWindow = { start: '2030-03-01T00:00:00Z', end: '2030-03-03T00:00:00Z' }

const waits = [
  { field: '21600', afterMs: 6 * hourMs },
  { field: '1', afterMs: minuteMs },
  { field: '9999999', afterMs: dayMs },
  { field: new Date(Date.UTC(2030, 0, 1, 2)).toUTCString(), afterMs: 2 * hourMs },
  { field: 'whenever', afterMs: 6 * hourMs },
  { field: undefined, afterMs: 6 * hourMs },
]
for (const { field, afterMs } of waits) {
  test(`with Retry-After ${field} it is asked again after ${afterMs / minuteMs} min`, async () => {
    const { ca, client, clock, signal } = scriptedClient()
    ca.on(path, jsonReply(200, { suggestedWindow }, field === undefined ? {} : { 'retry-after': field }))
    const { info, checkAgainAt } = await client.renewalInfo(id, { signal })
    assert.equal(checkAgainAt - clock.now(), afterMs)
    assert.equal(info.suggestedWindow.start, Date.UTC(2030, 2, 1))
    assert.deepEqual(ca.trace(), [`GET ${path}`])
  })
}

test('a lost reply is asked for again', async () => {
  const { ca, client, signal } = scriptedClient()
  ca.on(path, replyLost, jsonReply(200, { suggestedWindow }))
  await client.renewalInfo(id, { signal })
})

test('a window that ends before it starts is an invalid reply', async () => {
  const { ca, client, signal } = scriptedClient()
  const { start, end } = suggestedWindow
  ca.on(path, jsonReply(200, { suggestedWindow: { start: end, end: start } }))
  await assert.rejects(client.renewalInfo(id, { signal }), {
    code: 'ERR_REPLY_INVALID',
    message: /ca\.example was asked to send renewal information, but .* ends before it starts/,
  })
})

test('an unknown certificate is a refusal', async () => {
  const { ca, client, signal } = scriptedClient()
  ca.on(path, problemReply(404, 'malformed'))
  await assert.rejects(client.renewalInfo(id, { signal }), { code: 'ERR_ACME_PROBLEM' })
})

for (const text of ['', 'a', 'a.b.c', '../x.y', 'a.b?c=d', 'a.b/', 'ä.b', 'a=.b']) {
  test(`"${text}" is no certificate id`, async () => {
    const { ca, client, signal } = scriptedClient()
    await assert.rejects(client.renewalInfo(text, { signal }), { code: 'ERR_FORMAT' })
    assert.deepEqual(ca.received, [])
  })
}

test('a CA without renewal information', async () => {
  const { ca, client, signal } = scriptedClient()
  ca.on('/directory', jsonReply(200, { ...scriptedDirectory, renewalInfo: undefined }))
  await assert.rejects(client.renewalInfo(id, { signal }), { code: 'ERR_UNSUPPORTED' })
})

test('a base URL with a final slash does not get a second one', async () => {
  const { ca, client, signal } = scriptedClient()
  ca.on(
    '/directory',
    jsonReply(200, { ...scriptedDirectory, renewalInfo: `${scriptedDirectory.renewalInfo}/` }),
  )
  ca.on(path, jsonReply(200, { suggestedWindow }))
  await client.renewalInfo(id, { signal })
})
