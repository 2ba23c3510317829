import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, it } from 'node:test'
import { openTunnel, proxyFor } from './http-proxy.ts'

const proxy = 'http://proxy.test:3128'

describe('the proxy for a URL', () => {
  const cases: readonly { url: string; variables: Readonly<Record<string, string>>; expected: boolean }[] = [
    { url: 'https://ca.test/', variables: {}, expected: false },
    { url: 'https://ca.test/', variables: { HTTPS_PROXY: '' }, expected: false },
    { url: 'https://ca.test/', variables: { HTTPS_PROXY: proxy }, expected: true },
    { url: 'https://ca.test/', variables: { https_proxy: proxy }, expected: true },
    { url: 'http://ca.test/', variables: { HTTPS_PROXY: proxy }, expected: false },
    { url: 'https://localhost:14000/', variables: { HTTPS_PROXY: proxy }, expected: false },
    { url: 'https://127.0.0.1:14000/', variables: { HTTPS_PROXY: proxy }, expected: false },
    { url: 'https://[::1]/', variables: { HTTPS_PROXY: proxy }, expected: false },
    { url: 'https://ca.test/', variables: { HTTPS_PROXY: proxy, NO_PROXY: '*' }, expected: false },
    {
      url: 'https://ca.test/',
      variables: { HTTPS_PROXY: proxy, NO_PROXY: 'other.test, CA.test' },
      expected: false,
    },
    { url: 'https://a.ca.test/', variables: { HTTPS_PROXY: proxy, no_proxy: 'ca.test' }, expected: false },
    { url: 'https://a.ca.test/', variables: { HTTPS_PROXY: proxy, NO_PROXY: '.ca.test' }, expected: false },
    { url: 'https://a.ca.test/', variables: { HTTPS_PROXY: proxy, NO_PROXY: '*.ca.test' }, expected: false },
    { url: 'https://notca.test/', variables: { HTTPS_PROXY: proxy, NO_PROXY: 'ca.test' }, expected: true },
    { url: 'https://ca.test/', variables: { HTTPS_PROXY: proxy, NO_PROXY: 'ca.test:443' }, expected: false },
    {
      url: 'https://ca.test:8443/',
      variables: { HTTPS_PROXY: proxy, NO_PROXY: 'ca.test:443' },
      expected: true,
    },
  ]
  for (const { url, variables, expected } of cases) {
    it(`${url} with ${JSON.stringify(variables)} is ${expected ? 'used' : 'none'}`, () => {
      assert.equal(
        proxyFor(new URL(url), name => variables[name])?.host,
        expected ? 'proxy.test:3128' : undefined,
      )
    })
  }

  it('must be an HTTP proxy', () => {
    for (const value of ['socks5://proxy.test', 'proxy.test:3128', 'https://proxy.test']) {
      const variables: Readonly<Record<string, string>> = { HTTPS_PROXY: value }
      assert.throws(
        () => proxyFor(new URL('https://ca.test'), name => variables[name]),
        { code: 'ERR_NETWORK' },
        value,
      )
    }
  })
})

describe('a tunnel', () => {
  it('leads to the host of the URL, with credentials', async () => {
    await using through = await listening((request, socket) => {
      assert.equal(request.url, 'ca.test:443')
      assert.equal(
        request.headers['proxy-authorization'],
        `Basic ${Buffer.from('me:p@ss').toString('base64')}`,
      )
      socket.write('HTTP/1.1 200 Connection ')
      setImmediate(() => socket.write('established\r\n\r\n'))
      socket.once('data', said => socket.end(`you said ${said.toString()}`))
    })
    const socket = new Socket()
    await openTunnel(
      socket,
      new URL(`http://me:p%40ss@127.0.0.1:${through.port}`),
      new URL('https://ca.test/'),
    )
    socket.write('hello')
    assert.equal(await text(socket), 'you said hello')
  })

  it('that the proxy refuses or does not understand is an error', async () => {
    for (const [reply, message] of [
      ['HTTP/1.1 403 Forbidden\r\n\r\n', /does not connect to ca\.test:8443: HTTP\/1\.1 403 Forbidden/],
      ['SSH-2.0\r\n', /does not connect to ca\.test:8443: SSH-2\.0/],
      ['', /does not connect/],
    ] as const) {
      await using through = await listening((_, socket) => socket.end(reply))
      const opening = openTunnel(
        new Socket(),
        new URL(`http://127.0.0.1:${through.port}`),
        new URL('https://ca.test:8443/'),
      )
      await assert.rejects(opening, { code: 'ERR_NETWORK', message })
    }
  })
})

type OnConnect = (
  request: { readonly url?: string | undefined; readonly headers: NodeJS.Dict<string | string[]> },
  socket: Socket,
) => void

async function listening(onConnect: OnConnect): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer()
  const sockets = new Set<Socket>()
  server.on('connection', socket => sockets.add(socket))
  server.on('connect', (request, socket) => onConnect(request, socket as Socket)) // a plain HTTP server has sockets
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port, // a TCP server that listens
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise(resolve => {
        server.close(resolve)
      })
    },
  }
}
