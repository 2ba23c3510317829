import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dayMs } from '../../base/instant.ts'
import { fakeRuntime } from '../../testing/fake-runtime.ts'
import { loadConfig } from './load.ts'

const place = { file: '/c.yaml', dropIns: '/c.d', mustExist: true }

async function load(text: string) {
  const runtime = fakeRuntime()
  await runtime.files.put(place.file, text)
  return loadConfig(place, {}, runtime)
}

test('endpoints are texts, or objects with what is wanted of them', async () => {
  const { endpoints } = await load(`
certificates: { mail: { identifiers: [mail.example] } }
endpoints:
  - www.example:443
  - smtp://mail.example
  - endpoint: imaps://192.0.2.1
    server-name: mail.example
    certificate: mail
    warn-before: 10 d
    roots: /etc/roots.pem
`)
  const source = '/c.yaml'
  assert.deepEqual(endpoints, [
    { text: 'www.example:443', endpoint: { host: 'www.example', port: 443, source } },
    { text: 'smtp://mail.example', endpoint: { host: 'mail.example', port: 25, startTls: 'smtp', source } },
    {
      text: 'mail.example at imaps://192.0.2.1',
      endpoint: { host: '192.0.2.1', port: 993, serverName: 'mail.example', source },
      certificate: 'mail',
      warnBeforeMs: 10 * dayMs,
      rootsFile: '/etc/roots.pem',
    },
  ])
})

for (const [text, message] of [
  ['endpoints: [www.example]', /\/c\.yaml:1: endpoints.0: must be .*HOST:PORT/],
  ['endpoints: [{ endpoint: "gopher://a" }]', /endpoints\.0/],
  [
    'endpoints: [{ endpoint: "a.example:1", certificate: none }]',
    /endpoints\.0\.certificate: there is no certificate none/,
  ],
  ['endpoints: [{ endpoint: "a.example:1", warn-before: soon }]', /must be a duration/],
  ['endpoints: [{ endpoint: "a.example:1", roots: here.pem }]', /must be an absolute path/],
  ['endpoints: ["a.example:1", "a.example:1"]', /endpoints\.1: a\.example:1 is there twice/],
] as const) {
  test(`${text} is refused`, async () => {
    await assert.rejects(load(text), { code: 'ERR_CONFIG', message })
  })
}
