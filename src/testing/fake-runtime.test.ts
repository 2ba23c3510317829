import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fakeExec, fakeHttp, fakeResolver, textReply } from './fake-network.ts'
import { fakeRuntime } from './fake-runtime.ts'
import { seededRandom } from './seeded-random.ts'

describe('fake runtime', () => {
  it('is a machine on its own', async () => {
    const runtime = fakeRuntime()
    await assert.rejects(runtime.http('https://ca.test/', { method: 'GET' }), { code: 'ERR_NETWORK' })
    await assert.rejects(runtime.exec('nginx', []), { code: 'ERR_EXEC' })
    await assert.rejects(runtime.probeTls({ host: 'a.test', port: 443 }), { code: 'ERR_NETWORK' })
    assert.deepEqual(await runtime.resolver.addresses('a.test'), [])
    assert.equal(await runtime.portOwner(80), undefined)
    assert.equal(runtime.environment('HOME'), undefined)
  })

  it('takes parts of others', async () => {
    const runtime = fakeRuntime(
      {
        http: fakeHttp(url => textReply(200, url, { 'retry-after': '5' })),
        exec: fakeExec({ nginx: args => ({ exitCode: 1, stderr: args.join(' ') }), uname: () => 'Linux' }),
        resolver: fakeResolver({ 'a.test': ['192.0.2.1'] }),
      },
      { variables: { EDITOR: 'ed' } },
    )
    const reply = await runtime.http('https://ca.test/', { method: 'GET' })
    assert.equal(Buffer.from(reply.body).toString(), 'https://ca.test/')
    assert.equal(reply.headers.get('retry-after'), '5')
    assert.deepEqual(await runtime.exec('nginx', ['-t']), { exitCode: 1, stdout: '', stderr: '-t' })
    assert.deepEqual(await runtime.exec('uname', []), { exitCode: 0, stdout: 'Linux', stderr: '' })
    assert.deepEqual(await runtime.resolver.addresses('a.test'), ['192.0.2.1'])
    assert.equal(runtime.environment('EDITOR'), 'ed')
  })

  it('has listeners that can be asked, until they are closed', async () => {
    const { listenHttp, listeners } = fakeRuntime()
    const request = { method: 'GET', path: '/x', host: 'a.test' }
    {
      await using listener = await listenHttp([{ host: '::', port: 0 }], ({ path }) => ({
        status: 200,
        body: path,
      }))
      const port = listener.addresses[0]?.port ?? 0
      assert.deepEqual(listeners.request(port, request), { status: 200, body: '/x' })
      const again = listenHttp([{ host: '::', port }], () => ({ status: 404, body: '' }))
      await assert.rejects(again, { code: 'ERR_LISTEN' })
    }
    assert.deepEqual(listeners.listening(), [])
  })

  it('has locks that exclude each other', async () => {
    const { tryLock } = fakeRuntime()
    const first = await tryLock('/lock', 'first')
    assert.ok('path' in first)
    assert.deepEqual(await tryLock('/lock', 'second'), { holder: 'first' })
    await first[Symbol.asyncDispose]()
    assert.ok('path' in (await tryLock('/lock', 'third')))
  })

  it('repeats its randomness by seed', () => {
    assert.equal(seededRandom(7).id(20), seededRandom(7).id(20))
    assert.notEqual(seededRandom(7).id(20), seededRandom(8).id(20))
    const random = seededRandom(1)
    const numbers = Array.from({ length: 1_000 }, () => random.fraction())
    assert.ok(numbers.every(number => number >= 0 && number < 1))
    const mean = numbers.reduce((sum, number) => sum + number, 0) / numbers.length
    assert.ok(Math.abs(mean - 0.5) < 0.05, `mean ${mean}`)
  })

  it('has sockets in its file system, and hints at changes of a disk', async () => {
    const { localHttp, watch } = fakeRuntime()
    {
      await using _listener = await localHttp.listen('/run/a', ({ path }) => ({ status: 200, body: path }))
      const reply = await localHttp.ask('/run/a', { method: 'GET', path: '/x' })
      assert.deepEqual(reply, { status: 200, body: '/x' })
    }
    assert.equal(await localHttp.ask('/run/a', { method: 'GET', path: '/x' }), undefined)
    let hints = 0
    {
      using _watch = watch(['/etc'], () => (hints += 1))
      watch.hint('/etc')
      watch.hint('/var')
    }
    watch.hint('/etc')
    assert.equal(hints, 1)
  })
})
