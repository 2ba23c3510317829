/** `certwright notify test`, as users run it. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { signature } from '../../src/plugins/notifiers/webhook.ts'
import { runCli } from '../support/cli.ts'
import { tempDirectory } from '../support/temp-directory.ts'

type Seen = { readonly url: string; readonly headers: NodeJS.Dict<string | string[]>; readonly body: string }

const hook = 'services-T0AAAAAAA-cccccccccccc'
const signingKey = 'signing-key-0123456789'

/** A machine with a webhook that takes what it is sent and a Slack that refuses, and the command line on it. */
async function startMachine() {
  const disposables = new AsyncDisposableStack()
  const { path } = disposables.use(await tempDirectory())
  const seen: Seen[] = []
  const server = createServer((request, reply) => {
    const { url = '', headers } = request
    void text(request).then(body => {
      seen.push({ url, headers, body })
      reply.writeHead(url.includes(hook) ? 404 : 204).end(`no_service at ${url}`)
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  disposables.defer(() => void server.close())
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}` // it listens on TCP
  await writeFile(join(path, 'slack.url'), `${origin}/${hook}\n`)
  await writeFile(join(path, 'webhook.secret'), `${signingKey}\n`)
  const config = join(path, 'certwright.yaml')
  await writeFile(
    config,
    `notify:
  - webhook: { url: "${origin}/hook", secret: { file: "${path}/webhook.secret" }, at-least: critical }
  - slack: { url: { file: "${path}/slack.url" } }
  - webhook: { url: "${origin}/second" }
`,
  )
  const run = (...args: readonly string[]) =>
    runCli([...args, '--config', config, '--state', join(path, 'state')])
  return { seen, config, run, [Symbol.asyncDispose]: () => disposables.disposeAsync() }
}

test('every notifier is tried, and each says what came of it', async () => {
  await using machine = await startMachine()
  const { exitCode, stdout, stderr } = await machine.run('notify', 'test', '--verbose')
  assert.equal(exitCode, 1)
  assert.match(
    stdout,
    /^webhook: ok\nslack: FAILED\n {2}slack answered 404: .*\n {2}hint: .*\nwebhook-2: ok\n$/,
  )
  for (const secret of [hook, signingKey]) assert.ok(!(stdout + stderr).includes(secret))
  const signed = machine.seen.find(({ url }) => url === '/hook')
  const { kind, items, host } = JSON.parse(signed?.body ?? '') as Record<string, unknown>
  assert.equal(kind, 'test')
  assert.equal((items as readonly unknown[]).length, 1)
  assert.equal(typeof host, 'string')
  const { 'certwright-timestamp': timestamp, 'certwright-signature': given } = signed?.headers ?? {}
  assert.equal(given, signature(signingKey, String(timestamp), signed?.body ?? ''))
})

test('one can be tried alone, by its name or its number', async () => {
  await using machine = await startMachine()
  const both = await machine.run('notify', 'test', '--only', 'webhook')
  assert.deepEqual([both.exitCode, both.stdout], [0, 'webhook: ok\nwebhook-2: ok\n'])
  const second = await machine.run('notify', 'test', '--only', 'webhook-2', '--json')
  assert.deepEqual(JSON.parse(second.stdout), { notifiers: [{ name: 'webhook-2', ok: true }] })
  const typo = await machine.run('notify', 'test', '--only', 'slak')
  assert.equal(typo.exitCode, 1)
  assert.match(typo.stderr, /there is no notifier "slak"\nhint: did you mean slack\?/)
})

test('where none is configured that is said', async () => {
  await using machine = await startMachine()
  await writeFile(machine.config, '')
  const { exitCode, stderr } = await machine.run('notify', 'test')
  assert.equal(exitCode, 1)
  assert.match(stderr, /no notifiers are configured\nhint: add some under notify:/)
})

const mistakes = [
  { text: 'notify: [{ emial: {} }]', message: /:1: notify\.0\.emial: unknown key \(did you mean email\?\)/ },
  {
    text: 'notify: [{ slack: { url: "https://hooks.example/x" } }]',
    message: /notify\.0\.slack\.url: must be a reference/,
  },
  { text: 'heartbeat: http://example.com/x', message: /heartbeat: must be an https URL/ },
]
for (const { text: yaml, message } of mistakes) {
  test(`${yaml} is refused`, async () => {
    await using machine = await startMachine()
    await writeFile(machine.config, `${yaml}\n`)
    const { exitCode, stderr } = await machine.run('notify', 'test')
    assert.equal(exitCode, 2)
    assert.match(stderr, message)
  })
}
