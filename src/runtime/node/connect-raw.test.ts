import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { freePort } from '../../../test/support/ports.ts'
import { nodeConnectRaw } from './connect-raw.ts'

const connect = nodeConnectRaw()
const limits = { timeoutMs: 10_000, maxBytes: 1_000 }

/** A server that does something with each connection. */
async function listening(onConnection: (socket: Socket) => void) {
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket.on('error', () => {}))
    onConnection(socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // it listens on TCP
  return {
    target: { host: '127.0.0.1', port },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

const text = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString()

test('bytes go out and come in, and the end is told', async () => {
  await using server = await listening(socket =>
    socket.on('data', data => socket.end(`you said ${data.toString()}`)),
  )
  using connection = await connect(server.target, limits)
  connection.send(new Uint8Array(Buffer.from('hello')))
  assert.equal(text(await connection.receive()), 'you said hello')
  assert.equal(await connection.receive(), undefined)
})

test('a connection that is broken off has ended', async () => {
  await using server = await listening(socket => socket.once('data', () => socket.resetAndDestroy()))
  using connection = await connect(server.target, limits)
  connection.send(Uint8Array.of(1))
  assert.equal(await connection.receive(), undefined)
})

test('nobody there is ERR_NETWORK', async () => {
  await assert.rejects(connect({ host: '127.0.0.1', port: await freePort() }, limits), {
    code: 'ERR_NETWORK',
    message: /nothing listens there/,
  })
})

test('silence ends with ERR_TIMEOUT, too much with ERR_REPLY_TOO_LARGE', async () => {
  await using silent = await listening(() => {})
  using waiting = await connect(silent.target, { ...limits, timeoutMs: 50 })
  await assert.rejects(waiting.receive(), { code: 'ERR_TIMEOUT', message: /did not answer within/ })
  await using chatty = await listening(socket => socket.write('x'.repeat(1_001)))
  using flooded = await connect(chatty.target, limits)
  await assert.rejects(flooded.receive(), { code: 'ERR_REPLY_TOO_LARGE' })
})

test('a signal ends the waiting', async () => {
  await using server = await listening(() => {})
  const abort = new AbortController()
  using connection = await connect(server.target, { ...limits, signal: abort.signal })
  const waiting = connection.receive()
  abort.abort()
  await assert.rejects(waiting, { code: 'ERR_ABORTED' })
})

test('the dialogue comes first, and its failure is told', async () => {
  await using mail = await listening(socket => {
    socket.write('220 mail.example ESMTP\r\n')
    socket.on('data', data => {
      const said = data.toString()
      if (said.startsWith('EHLO')) socket.write('250-mail.example\r\n250 STARTTLS\r\n')
      else if (said.startsWith('STARTTLS')) socket.write('220 go ahead\r\n')
      else socket.end(`TLS begins with ${said}`)
    })
  })
  using connection = await connect({ ...mail.target, startTls: 'smtp' }, limits)
  connection.send(new Uint8Array(Buffer.from('hello')))
  assert.equal(text(await connection.receive()), 'TLS begins with hello')
  await using plain = await listening(socket => socket.write('+OK this is POP3\r\n'))
  await assert.rejects(connect({ ...plain.target, startTls: 'smtp' }, limits), { code: 'ERR_STARTTLS' })
})
