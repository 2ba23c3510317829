import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { tempDirectory } from '../../../test/support/temp-directory.ts'
import { nodeAskSocket } from './local-socket.ts'

const ask = nodeAskSocket()

test('what is said at a socket, until it is closed', async () => {
  await using directory = await tempDirectory()
  const path = join(directory.path, 'socket')
  const server = createServer(socket => {
    socket.once('data', heard => {
      socket.write('you said ')
      socket.end(heard)
    })
  }).listen(path)
  await once(server, 'listening')
  const { signal } = new AbortController()
  assert.equal(await ask(path, 'show info\n', { signal }), 'you said show info\n')
  server.close()
})

test('a socket that is not there', async () => {
  await using directory = await tempDirectory()
  const { signal } = new AbortController()
  await assert.rejects(ask(join(directory.path, 'none'), '', { signal }), { code: 'ERR_NETWORK' })
})

test('a socket at which nobody answers is not waited for when it is not wanted any more', async () => {
  await using directory = await tempDirectory()
  const path = join(directory.path, 'silent')
  const control = new AbortController()
  const server = createServer(() => control.abort()).listen(path)
  await once(server, 'listening')
  await assert.rejects(ask(path, 'hello', { signal: control.signal }), { code: 'ERR_ABORTED' })
  server.close()
})
