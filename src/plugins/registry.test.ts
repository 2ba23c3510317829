import assert from 'node:assert/strict'
import test from 'node:test'
import { fakeRuntime } from '../testing/fake-runtime.ts'
import { createDeployer, createSolver } from './registry.ts'

const runtime = fakeRuntime()

test('plugins are made by name, with options that were checked', async () => {
  const webroot = await createSolver({ name: 'http-01-webroot', options: { webroot: '/w' } }, runtime)
  assert.equal(webroot.name, 'http-01-webroot')
  const standalone = await createSolver({ name: 'http-01-standalone', options: { port: 8080 } }, runtime)
  assert.equal(standalone.name, 'http-01-standalone')
  const nginx = await createDeployer({ name: 'nginx', options: { config: '/x.conf' } }, runtime)
  assert.equal(nginx.name, 'nginx')
  const files = await createDeployer({ name: 'files', options: { directory: '/etc/ssl/x' } }, runtime)
  assert.equal(files.name, 'files')
})

test('an unknown name is answered with the nearest one', async () => {
  await assert.rejects(createSolver({ name: 'http-01-webrot', options: {} }, runtime), {
    code: 'ERR_CONFIG',
    message: 'there is no solver "http-01-webrot"',
    hint: 'did you mean http-01-webroot?',
  })
})

const wrongOptions = [
  { name: 'http-01-webroot', options: {}, message: /webroot/ },
  { name: 'http-01-webroot', options: { webroot: 'relative' }, message: /webroot: must be an absolute path/ },
  { name: 'http-01-standalone', options: { port: 0 }, message: /port/ },
  { name: 'http-01-standalone', options: { prot: 80 }, message: /prot: unknown member/ },
  { name: 'http-01-standalone', options: { hosts: [] }, message: /hosts: must name at least one address/ },
] as const

for (const { name, options, message } of wrongOptions) {
  test(`${name} with ${JSON.stringify(options)} is refused`, async () => {
    await assert.rejects(createSolver({ name, options }, runtime), { code: 'ERR_CONFIG', message })
  })
}
