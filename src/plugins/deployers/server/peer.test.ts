import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fakeRuntime } from '../../../testing/fake-runtime.ts'
import { listenersIn, requireOwnPeer } from './peer.ts'

const signal = AbortSignal.timeout(60_000)
const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:18EB 00000000:0000 0A 00000000:00000000 00:00000000 00000000   109        0 7988471 1 0 100 0 0 10 0
   1: 0100007F:18EB 0100007F:9C40 01 00000000:00000000 00:00000000 00000000  1000        0 7988841 1 0 100 0 0 10 0
   2: 00000000:18EC 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 7988841 1 0 100 0 0 10 0
   3: 00000000:18ED 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 7988841 1 0 100 0 0 10 0
`

describe('who answers', () => {
  it('is in the table of the system', () => {
    assert.deepEqual(
      [6379, 6380, 6381, 6382].map(port => listenersIn(table, port)),
      [[109], [1000], [0], []],
    )
  })

  const files = async () => {
    const runtime = fakeRuntime()
    await runtime.files.put('/etc/passwd', 'redis:x:109:112::/:/bin/false\n')
    await runtime.files.put('/proc/net/tcp', table)
    await runtime.files.put('/run/s.sock', '')
    return runtime
  }
  const cases = [
    { port: 6379, user: 'redis', refused: false },
    { port: 6380, user: 'redis', refused: true },
    { port: 6380, user: 1000, refused: false },
    { port: 6380, user: 'redis-of-another-name', refused: true },
    { port: 6381, user: 'redis', refused: false },
    { port: 6382, user: 'nobody-of-this-name', refused: false },
    { socket: '/run/s.sock', user: 'redis', refused: false },
    { socket: '/run/none.sock', user: 'redis', refused: false },
  ]
  for (const { refused, user, ...peer } of cases)
    it(`${JSON.stringify(peer)} of ${user} is ${refused ? 'refused' : 'believed'}`, async () => {
      const where = peer.socket === undefined ? { port: peer.port ?? 0 } : { socket: peer.socket }
      const asked = requireOwnPeer(where, { user, signal }, await files())
      if (refused)
        await assert.rejects(asked, {
          code: 'ERR_DEPLOY_BROKEN_BEFORE',
          message: /6380 .*user 1000.*redis/,
          hint: /owner: 1000/,
        })
      else await asked
    })

  it('for a socket is whoever it belongs to', async () => {
    const runtime = await files()
    const facts = await runtime.files.facts('/run/s.sock')
    assert.ok(facts)
    const theirs = { ...runtime, files: { ...runtime.files, facts: async () => ({ ...facts, uid: 1000 }) } }
    await assert.rejects(requireOwnPeer({ socket: '/run/s.sock' }, { user: 'redis', signal }, theirs), {
      message: /\/run\/s.sock was opened by user 1000/,
    })
  })
})
