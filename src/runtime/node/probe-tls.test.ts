import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { before, describe, it } from 'node:test'
import { createSecureContext, createServer, TLSSocket, type TlsOptions } from 'node:tls'
import { promisify } from 'node:util'
import { tempDirectory } from '../../../test/support/temp-directory.ts'
import { until } from '../../../test/support/wait.ts'
import { dayMs, instant, plusMs } from '../../base/instant.ts'
import {
  type TestAuthority,
  type TestServerCertificate,
  testAuthority,
} from '../../testing/test-authority.ts'
import type { KeyKind } from '../network.ts'
import { nodeProbeTls } from './probe-tls.ts'

const probeTls = nodeProbeTls()
const now = instant(Date.now())
const host = '127.0.0.1'
const pemEnd = /(?<=-----END CERTIFICATE-----\n)/

describe('node TLS probe', () => {
  let authority: TestAuthority
  let certificate: TestServerCertificate
  before(async () => {
    authority = await testAuthority(now)
    certificate = await authority.issue([{ type: 'dns', value: 'a.test' }])
  })

  it('reports the leaf and what was sent with it, trusted or not', async () => {
    await using server = await listening(createServer(certificate))
    const { leaf, chain, protocol } = await probeTls({ host, port: server.port, serverName: 'a.test' })
    assert.deepEqual(leaf, certificate.leafDer)
    assert.deepEqual(chain, [certificate.leafDer, certificate.intermediateDer])
    assert.equal(protocol, 'TLSv1.3')
  })

  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    it(`sees both certificates of a server with two, one at a time (${maxVersion})`, async () => {
      const rsa = await authority.issue([{ type: 'dns', value: 'a.test' }], { keyType: 'rsa-2048' })
      const both = { cert: [certificate.cert, rsa.cert], key: [certificate.key, rsa.key] }
      await using server = await listening(createServer({ ...both, maxVersion }))
      const see = (keyKind: KeyKind) => probeTls({ host, port: server.port, serverName: 'a.test', keyKind })
      for (const [keyKind, expected] of [
        ['rsa', rsa],
        ['ecdsa', certificate],
      ] as const) {
        const { leaf, protocol } = await see(keyKind)
        assert.deepEqual([leaf, protocol], [expected.leafDer, maxVersion])
      }
    })

    it(`sees nothing where a server has only the other kind (${maxVersion})`, async () => {
      await using server = await listening(createServer({ ...certificate, maxVersion }))
      await assert.rejects(probeTls({ host, port: server.port, keyKind: 'rsa' }), {
        code: 'ERR_NETWORK',
        message: /asked for its RSA certificate/,
      })
    })
  }

  it('adds nothing to what was sent, and ends at a root that was', async () => {
    const leafAlone = { key: certificate.key, cert: certificate.cert.split(pemEnd)[0] ?? '' }
    await using bare = await listening(createServer(leafAlone))
    assert.deepEqual((await probeTls({ host, port: bare.port })).chain, [certificate.leafDer])
    await using full = await listening(
      createServer({ ...certificate, cert: certificate.cert + authority.rootPem }),
    )
    const { chain } = await probeTls({ host, port: full.port })
    assert.deepEqual(chain, [certificate.leafDer, certificate.intermediateDer, authority.rootDer])
  })

  const versions: readonly (TlsOptions & { readonly name: string })[] = [
    { name: 'TLS 1.2', maxVersion: 'TLSv1.2' },
    ...['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'].map(ciphers => ({
      ...{ name: ciphers, ciphers, minVersion: 'TLSv1.3' as const },
    })),
    { name: 'a group that has to be asked for twice', ecdhCurve: 'P-521', minVersion: 'TLSv1.3' },
  ]
  for (const { name, ...settings } of versions) {
    it(`shows what was sent as it was sent: out of order, twice, and of no use (${name})`, async () => {
      const other = await testAuthority(now)
      const { length } = certificate.cert.split(pemEnd)
      const [leaf = '', intermediate = ''] = certificate.cert.split(pemEnd)
      assert.equal(length, 2)
      const cert = [leaf, other.rootPem, authority.rootPem, intermediate, intermediate].join('')
      await using server = await listening(createServer({ ...settings, cert, key: certificate.key }))
      const { chain } = await probeTls({ host, port: server.port })
      const { leafDer, intermediateDer } = certificate
      assert.deepEqual(chain, [leafDer, other.rootDer, authority.rootDer, intermediateDer, intermediateDer])
    })
  }

  it('resumes no session', async () => {
    const reused: boolean[] = []
    const server = createServer(certificate, socket => {
      reused.push(socket.isSessionReused())
      socket.on('error', () => {}) // the probe breaks off
    })
    await using running = await listening(server)
    for (let round = 0; round < 3; round++) await probeTls({ host, port: running.port, serverName: 'a.test' })
    await until('three handshakes', async () => (reused.length === 3 ? true : undefined))
    assert.deepEqual(reused, [false, false, false])
  })

  it('adds no root that this machine happens to trust', async () => {
    await using directory = await tempDirectory()
    await using server = await listening(createServer(certificate))
    const roots = `${directory.path}/root.pem`
    await writeFile(roots, authority.rootPem)
    const program = `
      const { nodeProbeTls } = await import('${new URL('./probe-tls.ts', import.meta.url).href}')
      const { chain } = await nodeProbeTls()({ host: '${host}', port: ${server.port} })
      console.log(chain.length)
    `
    const env = { NODE_EXTRA_CA_CERTS: roots }
    const probe = promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program], { env })
    assert.equal((await probe).stdout, '2\n')
  })

  it('reports certificates that have expired, and old protocols', async () => {
    const validity = { notBefore: plusMs(now, -3 * dayMs), notAfter: plusMs(now, -2 * dayMs) }
    const expired = await authority.issue([{ type: 'dns', value: 'a.test' }], validity)
    await using server = await listening(createServer({ ...expired, maxVersion: 'TLSv1.2' }))
    const { leaf, protocol } = await probeTls({ host, port: server.port })
    assert.deepEqual(leaf, expired.leafDer)
    assert.equal(protocol, 'TLSv1.2')
  })

  it('asks by name', async () => {
    const other = await authority.issue([{ type: 'dns', value: 'b.test' }])
    const names: string[] = []
    const chooser = createServer({
      ...certificate,
      SNICallback: (name, choose) => {
        names.push(name)
        choose(null, createSecureContext(name === 'b.test' ? other : certificate))
      },
    })
    await using server = await listening(chooser)
    assert.deepEqual((await probeTls({ host, port: server.port, serverName: 'b.test' })).leaf, other.leafDer)
    assert.deepEqual((await probeTls({ host, port: server.port })).leaf, certificate.leafDer)
    assert.deepEqual(names, ['b.test'])
  })

  it('sees the certificate each time anew', async () => {
    const server = createServer(certificate)
    await using running = await listening(server)
    assert.deepEqual((await probeTls({ host, port: running.port })).leaf, certificate.leafDer)
    const next = await authority.issue([{ type: 'dns', value: 'a.test' }])
    server.setSecureContext(next)
    assert.deepEqual((await probeTls({ host, port: running.port })).leaf, next.leafDer)
  })

  it('announces itself by the PROXY protocol', async () => {
    const lines: string[] = []
    const behindProxy = createTcpServer(socket => {
      socket.once('readable', () => {
        const start = Buffer.from(socket.read())
        const end = start.indexOf('\r\n') + 2
        lines.push(start.toString('latin1', 0, end))
        socket.unshift(start.subarray(end))
        const secure = new TLSSocket(socket, {
          isServer: true,
          secureContext: createSecureContext(certificate),
        })
        secure.on('error', () => {})
      })
    })
    await using server = await listening(behindProxy)
    const { leaf } = await probeTls({ host, port: server.port, proxyProtocol: true })
    assert.deepEqual(leaf, certificate.leafDer)
    assert.match(
      lines[0] ?? '',
      new RegExp(`^PROXY TCP4 127\\.0\\.0\\.1 127\\.0\\.0\\.1 \\d+ ${server.port}\\r\\n$`),
    )
  })

  it('says why there is nothing to see', async () => {
    await using closed = await listening(createTcpServer())
    await closed[Symbol.asyncDispose]()
    await using plain = await listening(
      createTcpServer(socket => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
    )
    await using silent = await listening(createTcpServer())
    await using hungUp = await listening(createTcpServer(socket => socket.once('data', () => socket.end())))
    const cases = [
      { port: closed.port, code: 'ERR_NETWORK', message: /nothing listens there/ },
      { port: plain.port, code: 'ERR_NETWORK', message: /does not speak TLS/ },
      { port: hungUp.port, code: 'ERR_NETWORK', message: /broke off the connection/ },
      { port: silent.port, code: 'ERR_TIMEOUT', message: /did not complete a TLS handshake within 0\.1 s/ },
    ]
    for (const { port, ...expected } of cases) {
      const options = port === silent.port ? { timeoutMs: 100 } : {}
      await assert.rejects(probeTls({ host, port }, options), expected)
    }
  })

  it('can be cancelled', async () => {
    await using silent = await listening(createTcpServer())
    const controller = new AbortController()
    const connected = once(silent.server, 'connection')
    const looking = assert.rejects(probeTls({ host, port: silent.port }, { signal: controller.signal }), {
      code: 'ERR_ABORTED',
    })
    await connected
    controller.abort()
    await looking
  })
})

async function listening(
  server: Server,
): Promise<AsyncDisposable & { readonly server: Server; readonly port: number }> {
  const sockets = new Set<Socket>()
  server.on('connection', socket => {
    sockets.add(socket)
    socket.on('error', () => {}) // the probe breaks off when it has seen enough
  })
  server.on('tlsClientError', () => {})
  server.listen(0, host)
  await once(server, 'listening')
  return {
    server,
    port: (server.address() as AddressInfo).port, // a TCP server that listens
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise(resolve => {
        server.close(resolve)
      })
    },
  }
}
