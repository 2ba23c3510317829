import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeRuntime } from '../testing/fake-runtime.ts'
import { embeddedRootPath, startEmbeddedAuthority } from './embedded-authority.ts'

function setUp() {
  const runtime = fakeRuntime(
    {
      serveHttps: async () => ({
        addresses: [{ host: '127.0.0.1', port: 1 }],
        setCertificate: () => {},
        [Symbol.asyncDispose]: async () => {},
      }),
    },
    { autoAdvance: true },
  )
  const rootPem = async () => {
    await using authority = await startEmbeddedAuthority('/state', runtime)
    return authority.trustPem
  }
  const written = async () => {
    const content = await runtime.files.read(embeddedRootPath('/state'))
    return content === undefined ? undefined : new TextDecoder().decode(content)
  }
  return { runtime, rootPem, written }
}

test('two processes that start the embedded CA for the first time have the same root', async () => {
  const { rootPem, written } = setUp()
  const [one, other] = await Promise.all([rootPem(), rootPem()])
  assert.equal(one, other)
  assert.equal(await written(), one)
})

test('a root certificate that was not written yet is written later', async () => {
  const { runtime, rootPem, written } = setUp()
  const first = await rootPem()
  await runtime.files.remove(embeddedRootPath('/state'))
  assert.equal(await rootPem(), first)
  assert.equal(await written(), first)
})
