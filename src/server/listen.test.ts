import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { names } from '../../test/support/acme-session.ts'
import { parseDirectory } from '../acme/directory.ts'
import { http01Path, keyAuthorization } from '../acme/key-authorization.ts'
import { loopbackNetworks } from '../acme/network.ts'
import { encodeBase64url } from '../base/base64url.ts'
import { dayMs } from '../base/instant.ts'
import { signJws } from '../jose/jws.ts'
import { thumbprint } from '../jose/thumbprint.ts'
import { nodeRuntime } from '../runtime/node/runtime.ts'
import { nodeServeHttps } from '../runtime/node/serve-https.ts'
import { fakeResolver } from '../testing/fake-network.ts'
import { parseCertificate } from '../x509/certificate.ts'
import { checkChain } from '../x509/chain.ts'
import { createCsr } from '../x509/csr.ts'
import { createSigner, generateAccountKey, generateKey } from '../x509/key.ts'
import { parsePem } from '../x509/pem.ts'
import { createLocalIssuer } from './issuance/local-issuer.ts'
import { listenAcmeServer } from './listen.ts'

const runtime = { ...nodeRuntime(), serveHttps: nodeServeHttps() }

describe('a server on loopback', () => {
  it('issues over real sockets, and validates over real sockets, IPv4 after IPv6 refused', async () => {
    const files = new Map<string, string>()
    await using web = await runtime.listenHttp([{ host: '127.0.0.1', port: 0 }], ({ path, host }) => {
      const body = host === 'www.demo.test' ? files.get(path) : undefined
      return body === undefined ? { status: 404, body: '' } : { status: 200, body }
    })
    const issuer = await createLocalIssuer({}, runtime)
    await using listening = await listenAcmeServer(
      {
        listen: { host: '127.0.0.1', port: 0 },
        issuer,
        validation: {
          httpPort: web.addresses[0]?.port ?? assert.fail('no port'),
          resolver: fakeResolver({ 'www.demo.test': ['::1', '127.0.0.1'] }),
          allowedNetworks: loopbackNetworks,
        },
      },
      runtime,
    )
    const { directoryUrl } = listening
    assert.equal(directoryUrl, `https://127.0.0.1:${listening.address.port}/directory`)

    const send = async (url: string, body?: string) => {
      const reply = await runtime.http(url, {
        method: body === undefined ? 'GET' : 'POST',
        trustPem: issuer.rootPem,
        ...(body === undefined ? {} : { body, headers: { 'Content-Type': 'application/jose+json' } }),
      })
      const text = Buffer.from(reply.body).toString()
      assert.ok(reply.status < 300, text)
      return { text, json: text.startsWith('{') ? JSON.parse(text) : {}, headers: reply.headers }
    }
    const first = await send(directoryUrl)
    const directory = parseDirectory(first.json)
    let nonce = first.headers.get('replay-nonce')
    let kid: string | undefined
    const key = await generateAccountKey('ES256')
    const signer = createSigner(key)
    const post = async (url: string, payload: unknown) => {
      const reply = await send(url, await signJws(payload, { signer, url, nonce, kid }))
      nonce = reply.headers.get('replay-nonce')
      return reply
    }
    kid = (await post(directory.newAccount, {})).headers.get('location')
    const identifiers = names('www.demo.test')
    const order = await post(directory.newOrder, { identifiers })
    const authorization = await post(order.json.authorizations[0], '')
    const [{ url, token }] = authorization.json.challenges
    files.set(http01Path(token), keyAuthorization(token, thumbprint(key)))
    assert.equal((await post(url, {})).json.status, 'valid')
    const certificateKey = await generateKey('ecdsa-p256')
    const csr = encodeBase64url(createCsr(identifiers, certificateKey))
    const finalized = await post(order.json.finalize, { csr })
    assert.equal(finalized.json.status, 'valid')
    const { text } = await post(finalized.json.certificate, '')
    const chain = parsePem(text, 'CERTIFICATE').map(parseCertificate)
    assert.equal(checkChain(chain, { roots: [issuer.root], at: runtime.clock.now() }), undefined)
    assert.deepEqual(chain[0]?.identifiers, identifiers)
  })

  it('leaves no socket behind when its options are wrong', async () => {
    const issuer = await createLocalIssuer({}, runtime)
    const validation = { allowedNetworks: ['nonsense'] }
    const listen = { host: '127.0.0.1', port: 0 }
    await assert.rejects(listenAcmeServer({ listen, issuer, validation }, runtime), { code: 'ERR_FORMAT' })
    // A socket left open would keep this process from ending, which fails the test run.
  })

  it('has a certificate for the name it is known by, from its own issuer', async () => {
    const issuer = await createLocalIssuer({}, runtime)
    const listen = { host: '127.0.0.1', port: 0 }
    await using listening = await listenAcmeServer({ listen, host: 'ca.demo.test', issuer }, runtime)
    assert.ok(listening.directoryUrl.startsWith('https://ca.demo.test:'))
    const { leaf } = await runtime.probeTls({ ...listening.address, serverName: 'ca.demo.test' })
    const certificate = parseCertificate(leaf)
    assert.deepEqual(certificate.identifiers, names('ca.demo.test'))
    assert.ok(certificate.notAfter > runtime.clock.now() + 390 * dayMs)
  })
})
