import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, it } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { serverOf } from '../../../test/support/server-of.ts'
import { instant } from '../../base/instant.ts'
import { testAuthority } from '../../testing/test-authority.ts'
import { nodeHttp } from './http.ts'
import { nodeServeHttps } from './serve-https.ts'

const authority = await testAuthority(instant(Date.now()))
const { cert, key } = await authority.issue([{ type: 'ip', value: '127.0.0.1' }])
const exchange = nodeHttp()

async function serve(app: (request: Request) => Promise<Response>, port = 0) {
  const listener = await nodeServeHttps()(app, { host: '127.0.0.1', port, certificatePem: cert, keyPem: key })
  const bound = listener.addresses[0]?.port ?? assert.fail('no address')
  const send = (path: string, request: Partial<Parameters<typeof exchange>[1]> = {}) =>
    exchange(`https://127.0.0.1:${bound}${path}`, { method: 'GET', trustPem: authority.rootPem, ...request })
  return { port: bound, send, [Symbol.asyncDispose]: () => listener[Symbol.asyncDispose]() }
}

/** Tells everything that came. */
const mirror = async (request: Request) => {
  const body = await request.text()
  const headers = Object.fromEntries(request.headers)
  const reply = Response.json({ method: request.method, url: request.url, headers, body }, { status: 201 })
  reply.headers.append('Link', '<a>;rel="b"')
  reply.headers.append('Link', '<c>;rel="d"')
  return reply
}
const textOf = ({ body }: { readonly body: Uint8Array }) => Buffer.from(body).toString()

describe('the HTTPS server', () => {
  it('hands over method, path, fields and body, and gives back status, fields and body', async () => {
    await using server = await serve(mirror)
    const reply = await server.send('/a/b?c=d%20e', {
      method: 'POST',
      body: 'hello',
      headers: { 'X-Test': 'yes' },
    })
    const seen = JSON.parse(textOf(reply))
    assert.equal(reply.status, 201)
    assert.equal(reply.headers.get('link'), '<a>;rel="b", <c>;rel="d"')
    assert.deepEqual([seen.method, seen.body, seen.headers['x-test']], ['POST', 'hello', 'yes'])
    assert.equal(seen.url, `https://127.0.0.1:${server.port}/a/b?c=d%20e`)
  })

  it('survives errors of its socket', async () => {
    await using server = await serve(mirror)
    const inside = await serverOf(() => server.send('/'))
    for (const text of ['accept EMFILE', 'accept ENFILE']) inside.emit('error', new Error(text))
    assert.equal((await server.send('/')).status, 201)
  })

  it('builds URLs from its own address, whatever Host says', async () => {
    await using server = await serve(mirror)
    const reply = await server.send('/x', { headers: { Host: 'evil.test', 'X-Forwarded-Host': 'evil.test' } })
    assert.equal(JSON.parse(textOf(reply)).url, `https://127.0.0.1:${server.port}/x`)
  })

  it('answers HEAD with the fields alone', async () => {
    await using server = await serve(async () => new Response('content'))
    const reply = await server.send('/', { method: 'HEAD' })
    assert.deepEqual([reply.status, reply.headers.get('content-length'), textOf(reply)], [200, '7', ''])
  })

  it('sends a reply without content as such', async () => {
    await using server = await serve(async () => new Response(null, { status: 204 }))
    const reply = await server.send('/')
    assert.deepEqual([reply.status, reply.headers.has('content-length')], [204, false])
  })

  it('takes 64 KiB of body and refuses more without asking the application', async () => {
    let asked = 0
    await using server = await serve(async request => {
      asked += 1
      return new Response(String((await request.text()).length))
    })
    const limit = 64 * 1024
    assert.equal(textOf(await server.send('/', { method: 'POST', body: 'x'.repeat(limit) })), String(limit))
    assert.equal((await server.send('/', { method: 'POST', body: 'x'.repeat(limit + 1) })).status, 413)
    assert.equal(asked, 1)
  })

  it('outlives an application that fails', async () => {
    await using server = await serve(() => Promise.reject(new Error('broken')))
    for (const _ of [1, 2]) {
      const reply = await server.send('/')
      assert.deepEqual([reply.status, textOf(reply)], [500, ''])
    }
  })

  for (const target of ['*', 'http://evil.test/x', '//evil.test:x/']) {
    it(`refuses the request target ${target} or keeps it to itself`, async () => {
      const urls: string[] = []
      await using server = await serve(async request => {
        urls.push(request.url)
        return new Response()
      })
      const socket = connectTls({ port: server.port, host: '127.0.0.1', ca: authority.rootPem })
      await once(socket, 'secureConnect')
      socket.write(`GET ${target} HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n`)
      const [head] = await once(socket, 'data')
      assert.match(String(head), /^HTTP\/1\.1 (200|400) /)
      for (const url of urls) assert.ok(url.startsWith(`https://127.0.0.1:${server.port}/`), url)
      socket.destroy()
    })
  }

  it('ends with connections open: idle ones, and ones that never said anything', async () => {
    const server = await serve(mirror)
    await server.send('/')
    const silent = connect(server.port, '127.0.0.1')
    await once(silent, 'connect')
    const closed = once(silent, 'close')
    await server[Symbol.asyncDispose]()
    await closed
    await assert.rejects(server.send('/'), { code: 'ERR_NETWORK' })
  })

  it('says so when the address is taken', async () => {
    await using server = await serve(mirror)
    await assert.rejects(serve(mirror, server.port), { code: 'ERR_LISTEN' })
  })
})
