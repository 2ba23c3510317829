import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeContext } from '../../test/support/fake-context.ts'
import { scriptedCa } from '../testing/scripted-ca.ts'
import { createWorkbench, loadCommandConfig } from './workbench.ts'

test('entries with one CA and different roots on the way to it do not share a client', async () => {
  const ca = scriptedCa()
  const root = (name: string) => `-----BEGIN CERTIFICATE-----\n${name}\n-----END CERTIFICATE-----\n`
  const { context, runtime } = await fakeContext(
    `certificates:
  a.example: { authority: { directory: "${ca.directory}", trust: /one.pem } }
  b.example: { authority: { directory: "${ca.directory}", trust: /other.pem } }
  c.example: { authority: { directory: "${ca.directory}", trust: /one.pem, roots: /one.pem } }
`,
    { runtime: { http: ca.http } },
  )
  await runtime.files.put('/one.pem', root('one'))
  await runtime.files.put('/other.pem', root('other'))
  const config = await loadCommandConfig(context)
  await using bench = createWorkbench(context, config)
  for (const { authority } of config.certificates)
    await (await bench.clientFor(authority)).directory({ signal: context.signal })
  assert.deepEqual(
    ca.received.map(({ request }) => request.trustPem),
    [root('one'), root('other')], // the third one asks the first client, which has its directory already
  )
})
