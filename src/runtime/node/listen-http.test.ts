import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, it } from 'node:test'
import { serverOf } from '../../../test/support/server-of.ts'
import { isAppError, systemCodeOf } from '../../base/errors.ts'
import type { ListenerReply, ListenerRequest } from '../network.ts'
import { nodeListenHttp } from './listen-http.ts'

const listenHttp = nodeListenHttp()
const loopback = { host: '127.0.0.1', port: 0 }

describe('node HTTP listener', () => {
  it('answers on every address', async () => {
    await using listener = await listenHttp([loopback, { host: '::1', port: 0 }], echo)
    const [one, two] = listener.addresses
    assert.equal(one?.host, '127.0.0.1')
    assert.equal(two?.host, '::1')
    for (const { host, port } of listener.addresses) {
      const reply = await send(host, port, 'GET /a/../b?c HTTP/1.1\r\nHost: a.test:80\r\n\r\n')
      assert.match(reply, /^HTTP\/1\.1 200 /)
      assert.match(reply, /\r\nconnection: close\r\n/i)
      assert.equal(bodyOf(reply), '{"method":"GET","path":"/a/../b?c","host":"a.test:80"}')
    }
  })

  it('sends no body for HEAD, and reads none', async () => {
    await using listener = await listenHttp([loopback], () => ({ status: 200, body: 'abc' }))
    const { port = 0 } = listener.addresses[0] ?? {}
    const head = await send('127.0.0.1', port, 'HEAD / HTTP/1.1\r\nHost: a.test\r\n\r\n')
    assert.match(head, /\r\ncontent-length: 3\r\n/i)
    assert.equal(bodyOf(head), '')
    const post = await send(
      '127.0.0.1',
      port,
      'POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1000000\r\n\r\nabc',
    )
    assert.equal(bodyOf(post), 'abc')
  })

  it('survives an answer that throws', async () => {
    let calls = 0
    const answer = (): ListenerReply => {
      calls += 1
      if (calls === 1) throw new Error('mistake')
      return { status: 204, body: '' }
    }
    await using listener = await listenHttp([loopback], answer)
    const { port = 0 } = listener.addresses[0] ?? {}
    const request = 'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n'
    assert.match(await send('127.0.0.1', port, request), /^HTTP\/1\.1 500 /)
    assert.match(await send('127.0.0.1', port, request), /^HTTP\/1\.1 204 /)
  })

  it('survives errors of its socket', async () => {
    await using listener = await listenHttp([loopback], echo)
    const { port = 0 } = listener.addresses[0] ?? {}
    const request = 'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n'
    const server = await serverOf(() => send('127.0.0.1', port, request))
    for (const text of ['accept EMFILE', 'accept ENFILE']) server.emit('error', new Error(text))
    assert.match(await send('127.0.0.1', port, request), /^HTTP\/1\.1 200 /)
  })

  it('refuses headers that are too large', async () => {
    await using listener = await listenHttp([loopback], echo)
    const { port = 0 } = listener.addresses[0] ?? {}
    const large = `GET / HTTP/1.1\r\nHost: a.test\r\nX: ${'x'.repeat(9 * 1024)}\r\n\r\n`
    assert.match(await send('127.0.0.1', port, large), /^HTTP\/1\.1 431 /)
  })

  it('takes all addresses or none', async () => {
    await using taken = await listenHttp([loopback], echo)
    const busy = taken.addresses[0] ?? loopback
    await using free = await listenHttp([loopback], echo)
    const wanted = free.addresses[0] ?? loopback
    await free[Symbol.asyncDispose]()
    await assert.rejects(listenHttp([wanted, busy], echo), error => {
      assert.ok(isAppError(error, 'ERR_LISTEN'))
      assert.equal(systemCodeOf(error.cause), 'EADDRINUSE')
      assert.match(
        error.message,
        new RegExp(`cannot listen on 127\\.0\\.0\\.1:${busy.port}: another process`),
      )
      return true
    })
    await using again = await listenHttp([wanted], echo) // it was released
    assert.deepEqual(again.addresses, [wanted])
  })

  it('lets IPv4 and IPv6 have the same port', async () => {
    await using ipv4 = await listenHttp([{ host: '0.0.0.0', port: 0 }], echo)
    const { port = 0 } = ipv4.addresses[0] ?? {}
    await using ipv6 = await listenHttp([{ host: '::', port }], echo)
    assert.equal(ipv6.addresses[0]?.port, port)
  })

  it('says when an address is not of this machine', async () => {
    await assert.rejects(listenHttp([{ host: '192.0.2.1', port: 0 }], echo), {
      code: 'ERR_LISTEN',
      message: /192\.0\.2\.1:0: this machine does not have that address/,
    })
  })

  it('closes connections that are open when it is disposed of', async () => {
    const listener = await listenHttp([loopback], echo)
    const socket = connect(listener.addresses[0]?.port ?? 0, '127.0.0.1')
    await once(socket, 'connect')
    socket.write('GET / HTTP/1.1\r\n') // never finished
    socket.on('error', () => {}) // reset or ended, both will do
    const closed = new Promise(resolve => {
      socket.once('close', resolve)
    })
    await listener[Symbol.asyncDispose]()
    await closed
  })
})

function echo(request: ListenerRequest): ListenerReply {
  return { status: 200, body: JSON.stringify(request) }
}

/** Sends bytes and reads until the other side closes. */
async function send(host: string, port: number, request: string): Promise<string> {
  const socket = connect(port, host)
  socket.write(request)
  return await text(socket)
}

function bodyOf(reply: string): string {
  return reply.slice(reply.indexOf('\r\n\r\n') + 4)
}
