import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import {
  type AddressInfo,
  connect,
  createServer as createTcpServer,
  type Socket,
  type Server as TcpServer,
} from 'node:net'
import { buffer } from 'node:stream/consumers'
import { before, describe, it } from 'node:test'
import { dayMs, instant, plusMs } from '../../base/instant.ts'
import { type TestAuthority, testAuthority } from '../../testing/test-authority.ts'
import type { HttpReply } from '../http.ts'
import { nodeHttp } from './http.ts'

describe('node HTTP', () => {
  it('gives the whole reply, repeated fields joined, and follows nothing', async () => {
    await using server = await serve((_, response) => {
      response.writeHead(
        302,
        [
          ['Location', '/elsewhere'],
          ['Link', '<a>;rel="x"'],
          ['LINK', '<b>;rel="y"'],
          ['Retry-After', '1'],
          ['Retry-After', '2'],
        ].flat(),
      )
      response.end(Buffer.from([0, 255]))
    })
    const { status, headers, body } = await nodeHttp()(server.url, { method: 'GET' })
    assert.equal(status, 302)
    assert.equal(headers.get('link'), '<a>;rel="x", <b>;rel="y"')
    assert.equal(headers.get('retry-after'), '1, 2')
    assert.deepEqual(body, new Uint8Array([0, 255]))
  })

  it('sends method, fields and body', async () => {
    const seen: string[] = []
    await using server = await serve((request, response) => {
      const { method, url, headers } = request
      buffer(request).then(body => {
        seen.push(
          `${method} ${url} ${headers['content-type']} ${headers['content-length']} ${body.toString()}`,
        )
        response.end()
      }, assert.fail)
    })
    const http = nodeHttp()
    await http(`${server.url}/a?b`, { method: 'POST', headers: { 'content-type': 'x/y' }, body: 'grüße' })
    await http(`${server.url}/a`, { method: 'POST' })
    await http(`${server.url}/a`, { method: 'PUT', body: '{}' })
    await http(`${server.url}/a`, { method: 'HEAD' })
    assert.deepEqual(seen, [
      'POST /a?b x/y 7 grüße',
      'POST /a undefined 0 ',
      'PUT /a undefined 2 {}',
      'HEAD /a undefined undefined ',
    ])
  })

  it('keeps connections for the next request, and none for requests to a given address', async () => {
    await using server = await serve((request, response) => response.end(request.headers.host))
    const http = nodeHttp()
    for (let round = 0; round < 3; round += 1) await http(server.url, { method: 'GET' })
    assert.equal(server.connections(), 1)
    for (let round = 1; round <= 2; round += 1) {
      const url = `http://name.test:${server.port}/`
      const { body } = await http(url, { method: 'GET', address: '127.0.0.1' })
      assert.equal(Buffer.from(body).toString(), `name.test:${server.port}`)
      assert.equal(server.connections(), 1 + round)
    }
  })

  it('uses at most 32 connections to one origin', async () => {
    let most = 0
    let now = 0
    await using server = await serve((_, response) => {
      now += 1
      most = Math.max(most, now)
      setTimeout(() => {
        now -= 1
        response.end()
      }, 20)
    })
    const http = nodeHttp()
    await Promise.all(Array.from({ length: 100 }, () => http(server.url, { method: 'GET' })))
    assert.equal(most, 32)
    assert.ok(server.connections() <= 32, `${server.connections()} connections`)
  })

  it('says when nothing listens', async () => {
    const server = await serve(() => {})
    await server[Symbol.asyncDispose]()
    await assert.rejects(nodeHttp()(server.url, { method: 'POST' }), {
      code: 'ERR_NETWORK',
      message: `cannot connect to 127.0.0.1:${server.port}: nothing listens there`,
    })
  })

  it('takes nothing but HTTP addresses', async () => {
    await assert.rejects(nodeHttp()('file:///etc/passwd', { method: 'GET' }), TypeError)
  })

  describe('when the reply is too large', () => {
    const limits = { maxBodyBytes: 1_000, method: 'GET' } as const
    const cases: Readonly<Record<string, RequestListener>> = {
      'and says so': (_, response) => response.writeHead(200, { 'content-length': 1_001 }).write('x'),
      'and does not say so': (_, response) => response.write('x'.repeat(1_001)),
      'in its header': (_, response) => response.writeHead(200, { x: 'x'.repeat(17 * 1024) }).end(),
    }
    for (const [name, answer] of Object.entries(cases)) {
      it(name, async () => {
        await using server = await serve(answer)
        await assert.rejects(nodeHttp()(server.url, limits), { code: 'ERR_REPLY_TOO_LARGE' })
      })
    }

    it('takes exactly the limit', async () => {
      await using server = await serve((_, response) => response.end('x'.repeat(1_000)))
      assert.equal((await nodeHttp()(server.url, limits)).body.length, 1_000)
    })
  })

  describe('when the reply is lost', () => {
    const cases: Readonly<Record<string, (socket: Socket) => void>> = {
      'because the server closes': socket => socket.end(),
      'because the server resets': socket => socket.resetAndDestroy(),
      'within its header': socket => socket.end('HTTP/1.1 200 OK\r\ncontent-'),
      'within its body': socket => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabc'),
      'within a chunk': socket => socket.end('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab'),
      'because it is not HTTP': socket => socket.end('SSH-2.0-OpenSSH_9.9\r\n'),
      'because it never comes': () => {},
      'because its body never ends': socket =>
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabc'),
    }
    for (const [name, answer] of Object.entries(cases)) {
      it(name, async () => {
        await using server = await serveTcp(socket => socket.once('data', () => answer(socket)))
        const limits = { headersTimeoutMs: 100, bodyTimeoutMs: 100 }
        for (const method of ['GET', 'POST'] as const) {
          await assert.rejects(
            nodeHttp()(server.url, { method, ...limits }),
            { code: 'ERR_REPLY_LOST' },
            method,
          )
        }
      })
    }
  })

  describe('when the server closes a kept connection under the next request', () => {
    /** Answers the first request of each connection and resets it at the second. */
    const fickle = (socket: Socket): void => {
      let requests = 0
      socket.on('data', () => {
        requests += 1
        if (requests === 1) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n')
        else socket.resetAndDestroy()
      })
    }

    it('repeats GET and HEAD on a new connection', async () => {
      await using server = await serveTcp(fickle)
      const http = nodeHttp()
      await http(server.url, { method: 'GET' })
      assert.equal((await http(server.url, { method: 'GET' })).status, 200)
      assert.equal(server.connections(), 2)
    })

    it('does not repeat POST', async () => {
      await using server = await serveTcp(fickle)
      const http = nodeHttp()
      await http(server.url, { method: 'GET' })
      await assert.rejects(http(server.url, { method: 'POST', body: 'x' }), { code: 'ERR_REPLY_LOST' })
      assert.equal(server.connections(), 1)
    })
  })

  describe('when it is cancelled', () => {
    it('before anything', async () => {
      const signal = AbortSignal.abort()
      await assert.rejects(nodeHttp()('http://127.0.0.1:1/', { method: 'GET', signal }), {
        code: 'ERR_ABORTED',
      })
    })

    it('while the server thinks, and frees the place of the request', async () => {
      await using server = await serve((request, response) => {
        if (request.url === '/quick') response.end()
        else controllers.shift()?.abort()
      })
      const controllers = Array.from({ length: 40 }, () => new AbortController())
      const http = nodeHttp()
      await Promise.all(
        controllers.slice().map(async ({ signal }) => {
          await assert.rejects(http(server.url, { method: 'GET', signal }), { code: 'ERR_ABORTED' })
        }),
      )
      assert.equal((await http(`${server.url}/quick`, { method: 'GET' })).status, 200)
    })

    it('while the body comes', async () => {
      const controller = new AbortController()
      await using server = await serve((_, response) => {
        response.write('x')
        setImmediate(() => controller.abort())
      })
      const { signal } = controller
      await assert.rejects(nodeHttp()(server.url, { method: 'GET', signal }), { code: 'ERR_ABORTED' })
    })
  })

  describe('over TLS', () => {
    const now = instant(Date.now())
    let authority: TestAuthority
    before(async () => {
      authority = await testAuthority(now)
    })
    const local = { type: 'ip', value: '127.0.0.1' } as const

    it('trusts the given root alone, and keeps connections apart by trust', async () => {
      await using server = await serveTls(await authority.issue([local]))
      const other = await testAuthority(now, 'Other')
      const http = nodeHttp()
      const { rootPem } = authority
      const request = { method: 'GET', trustPem: rootPem } as const
      assert.equal(textOf(await http(server.url, request)), 'secret')
      assert.equal(textOf(await http(server.url, request)), 'secret')
      assert.equal(server.connections(), 1)
      for (const trustPem of [other.rootPem, undefined]) {
        await assert.rejects(http(server.url, { method: 'GET', trustPem }), {
          code: 'ERR_NETWORK',
          message: /comes from (a root|an issuer) that is not trusted/,
          hint: /trust: \(or --trust FILE\)/,
        })
      }
      assert.equal(server.requests(), 2)
    })

    it('takes the name from the URL when the address is given', async () => {
      await using server = await serveTls(await authority.issue([{ type: 'dns', value: 'name.test' }]))
      const options = { method: 'GET', trustPem: authority.rootPem, address: '127.0.0.1' } as const
      const reply = await nodeHttp()(`https://name.test:${server.port}/`, options)
      assert.equal(textOf(reply), 'secret')
      await assert.rejects(nodeHttp()(`https://other.test:${server.port}/`, options), {
        code: 'ERR_NETWORK',
        message: /its certificate is for another name \(name\.test\)/,
      })
      await assert.rejects(nodeHttp()(server.url, options), { code: 'ERR_NETWORK', message: /another name/ })
      assert.equal(server.requests(), 1)
    })

    it('takes any certificate when asked to, and then only at a given address', async () => {
      const validity = { notBefore: plusMs(now, -2 * dayMs), notAfter: plusMs(now, -dayMs) }
      await using server = await serveTls(await authority.issue([local], validity))
      const url = `https://other.test:${server.port}/`
      const options = { method: 'GET', anyCertificate: true } as const
      const http = nodeHttp()
      assert.equal(textOf(await http(url, { ...options, address: '127.0.0.1' })), 'secret')
      await assert.rejects(http(server.url, options), { code: 'ERR_NETWORK' })
      await assert.rejects(http(url, { method: 'GET', address: '127.0.0.1' }), { code: 'ERR_NETWORK' })
      assert.equal(server.requests(), 1)
    })

    const validities = [
      {
        name: 'has expired',
        notBefore: plusMs(now, -2 * dayMs),
        notAfter: plusMs(now, -dayMs),
        text: /has expired/,
      },
      {
        name: 'is not valid yet',
        notBefore: plusMs(now, dayMs),
        notAfter: plusMs(now, 2 * dayMs),
        text: /not valid yet/,
      },
    ]
    for (const { name, text, ...validity } of validities) {
      it(`refuses a certificate that ${name}`, async () => {
        await using server = await serveTls(await authority.issue([local], validity))
        const options = { method: 'POST', trustPem: authority.rootPem } as const
        await assert.rejects(nodeHttp()(server.url, options), {
          code: 'ERR_NETWORK',
          message: text,
          hint: /clock/,
        })
        assert.equal(server.requests(), 0)
      })
    }

    it('says when the server speaks plain HTTP', async () => {
      await using server = await serve((_, response) => response.end())
      const url = server.url.replace('http:', 'https:')
      await assert.rejects(nodeHttp()(url, { method: 'GET' }), {
        code: 'ERR_NETWORK',
        message: /does not speak TLS/,
      })
    })

    it('gives up when the handshake takes too long, and when it is cancelled meanwhile', async () => {
      const controller = new AbortController()
      await using server = await serveTcp(() => {})
      const url = server.url.replace('http:', 'https:')
      const http = nodeHttp()
      await assert.rejects(http(url, { method: 'POST', connectTimeoutMs: 50 }), { code: 'ERR_TIMEOUT' })
      const connected = once(server.tcp, 'connection')
      const cancelled = assert.rejects(http(url, { method: 'POST', signal: controller.signal }), {
        code: 'ERR_ABORTED',
      })
      await connected
      controller.abort()
      await cancelled
    })

    it('goes through the proxy of the environment, verifying as ever', async () => {
      await using server = await serveTls(await authority.issue([{ type: 'dns', value: 'name.test' }]))
      const asked: string[] = []
      const proxy = createServer()
      proxy.on('connect', (request, socket) => {
        asked.push(request.url ?? '')
        socket.write('HTTP/1.1 200 OK\r\n\r\n')
        const onward = connect(server.port, '127.0.0.1').on('error', () => {}) // the client may break off
        socket
          .on('error', () => {})
          .pipe(onward)
          .pipe(socket)
      })
      await using running = await started(proxy, 'http')
      process.env['HTTPS_PROXY'] = running.url
      try {
        const http = nodeHttp()
        const request = { method: 'GET', trustPem: authority.rootPem } as const
        assert.equal(textOf(await http('https://name.test/', request)), 'secret')
        assert.equal(textOf(await http('https://name.test/', request)), 'secret')
        await assert.rejects(http('https://other.test/', request), {
          code: 'ERR_NETWORK',
          message: /another name/,
        })
        assert.deepEqual(asked, ['name.test:443', 'other.test:443'])
      } finally {
        delete process.env['HTTPS_PROXY']
      }
    })

    it('refuses to work when verification is turned off from outside', async () => {
      process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
      try {
        await assert.rejects(nodeHttp()('https://127.0.0.1:1/', { method: 'GET' }), {
          code: 'ERR_NETWORK',
          message: /NODE_TLS_REJECT_UNAUTHORIZED/,
        })
      } finally {
        delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
      }
    })
  })

  it('does not keep the process alive', async () => {
    const module = new URL('./http.ts', import.meta.url).href
    const program = `
      import { createServer } from 'node:http'
      const { nodeHttp } = await import('${module}')
      const server = createServer((_, response) => response.end()).listen(0, '127.0.0.1', async () => {
        await nodeHttp()('http://127.0.0.1:' + server.address().port, { method: 'GET' })
        server.unref()
        console.log('kept', server.connections ?? '')
      })
      server.keepAliveTimeout = 60_000
      server.on('connection', socket => socket.unref())
    `
    const started = performance.now()
    const flags = ['--input-type=module', '--eval', program]
    const { stdout, status } = spawnSync(process.execPath, flags, { encoding: 'utf8', timeout: 20_000 })
    assert.match(stdout, /kept/)
    assert.equal(status, 0)
    assert.ok(performance.now() - started < 3_000, 'idle connections are closed only after 4 s')
  })
})

function textOf({ body }: HttpReply): string {
  return Buffer.from(body).toString()
}

type TestServer<S> = AsyncDisposable & {
  readonly tcp: S
  readonly port: number
  readonly url: string
  readonly connections: () => number
  readonly requests: () => number
}

function serve(answer: RequestListener): Promise<TestServer<Server>> {
  return started(createServer(answer), 'http')
}

function serveTcp(use: (socket: Socket) => void): Promise<TestServer<TcpServer>> {
  const server = createTcpServer(socket => {
    socket.on('error', () => {}) // clients that break off are the point of some tests
    use(socket)
  })
  return started(server, 'http')
}

function serveTls(certificate: {
  readonly key: string
  readonly cert: string
}): Promise<TestServer<TcpServer>> {
  return started(
    createSecureServer(certificate, (_, response) => response.end('secret')),
    'https',
  )
}

async function started<S extends TcpServer>(server: S, scheme: 'http' | 'https'): Promise<TestServer<S>> {
  const sockets = new Set<Socket>()
  let connections = 0
  let requests = 0
  server.on('connection', socket => {
    connections += 1
    sockets.add(socket)
  })
  server.on('request', () => {
    requests += 1
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // a TCP server that listens
  return {
    tcp: server,
    port,
    url: `${scheme}://127.0.0.1:${port}`,
    connections: () => connections,
    requests: () => requests,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise(resolve => {
        server.close(resolve)
      })
    },
  }
}
