import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseDirectory } from '../acme/directory.ts'
import type { Url } from '../acme/wire.ts'
import { secondMs } from '../base/instant.ts'
import type { AcmeClient } from '../client/client.ts'
import { fakeRuntime } from '../testing/fake-runtime.ts'
import { createManager } from './manager.ts'

test('two processes that need an account at the same time register one', async () => {
  const runtime = fakeRuntime({}, { autoAdvance: true })
  const directory = parseDirectory({
    newNonce: 'https://ca.example/nonce',
    newAccount: 'https://ca.example/account',
    newOrder: 'https://ca.example/order',
    revokeCert: 'https://ca.example/revoke',
  })
  let registered = 0
  const client: Pick<AcmeClient, 'directory' | 'newAccount'> = {
    directory: async () => directory,
    newAccount: async () => {
      await runtime.clock.sleep(secondMs) // long enough for the other one to look several times
      registered += 1
      const url = `https://ca.example/account/${registered}` as Url // it has the form of one
      return { account: { url, status: 'valid', contact: [] }, created: true }
    },
  }
  const manager = () =>
    createManager(
      {
        state: '/state',
        config: { account: { agreeToTerms: true, keyAlgorithm: 'ES256' }, certificates: [] },
        clientFor: async () => client as AcmeClient, // nothing else of it is used
        solverFor: () => Promise.reject(new TypeError('no solver is needed')),
        deployerFor: () => Promise.reject(new TypeError('no deployer is needed')),
        onEvent: () => {},
      },
      runtime,
    )
  const authority = { id: 'ca', directory: 'https://ca.example/directory' }
  const { signal } = new AbortController()
  const found = await Promise.all([1, 2].map(() => manager().account(authority, { signal })))
  assert.deepEqual(
    found.map(({ key }) => key.url),
    ['https://ca.example/account/1', 'https://ca.example/account/1'],
  )
})
