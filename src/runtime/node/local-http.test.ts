import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { runProgram } from '../../../test/support/programs.ts'
import { tempDirectory } from '../../../test/support/temp-directory.ts'
import { nodeLocalHttp } from './local-http.ts'

const local = nodeLocalHttp()

describe('HTTP over a socket in the file system', () => {
  it('answers its owner alone, and leaves nothing behind', async () => {
    await using directory = await tempDirectory()
    const path = join(directory.path, 'socket')
    {
      await using _listener = await local.listen(path, request => ({
        status: 202,
        body: JSON.stringify(request),
      }))
      assert.equal(statSync(path).mode & 0o777, 0o600)
      assert.deepEqual(await local.ask(path, { method: 'POST', path: '/a?b=c' }), {
        status: 202,
        body: '{"method":"POST","path":"/a?b=c","host":"localhost"}',
      })
    }
    assert.ok(!existsSync(path))
    assert.equal(await local.ask(path, { method: 'GET', path: '/' }), undefined)
  })

  it('takes the place of a socket whose process is dead', async () => {
    await using directory = await tempDirectory()
    const path = join(directory.path, 'socket')
    const dead = `const path = ${JSON.stringify(path)}
      require('node:net').createServer().listen(path, () => process.kill(process.pid, 'SIGKILL'))`
    await assert.rejects(runProgram(process.execPath, ['-e', dead]))
    assert.ok(existsSync(path))
    assert.equal(await local.ask(path, { method: 'GET', path: '/' }), undefined)
    await using _listener = await local.listen(path, () => ({ status: 200, body: 'alive' }))
    assert.equal((await local.ask(path, { method: 'GET', path: '/' }))?.body, 'alive')
  })

  it('refuses a path that the kernel would cut', async () => {
    await using directory = await tempDirectory()
    const path = join(directory.path, 'x'.repeat(100))
    await assert.rejects(
      local.listen(path, () => ({ status: 200, body: '' })),
      {
        code: 'ERR_LISTEN',
        message: /too long/,
      },
    )
  })

  it('does not wait for one who does not answer', { timeout: 10_000 }, async () => {
    await using directory = await tempDirectory()
    const path = join(directory.path, 'socket')
    const silent = createServer(socket => void socket.on('error', () => {})).listen(path)
    await once(silent, 'listening')
    try {
      await assert.rejects(local.ask(path, { method: 'GET', path: '/' }), { code: 'ERR_TIMEOUT' })
    } finally {
      silent.close()
    }
  })
})
