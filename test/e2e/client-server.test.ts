/** Our client against our embedded CA, over HTTPS on loopback, with validation over real sockets. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseIdentifier } from '../../src/acme/identifier.ts'
import { keyAuthorization } from '../../src/acme/key-authorization.ts'
import type { Order } from '../../src/acme/order.ts'
import { isProblemError } from '../../src/acme/problem.ts'
import { dayMs, hourMs, minuteMs } from '../../src/base/instant.ts'
import { type AccountKey, type AcmeClient, createAcmeClient, nodeRuntime } from '../../src/client/index.ts'
import { thumbprint } from '../../src/jose/thumbprint.ts'
import { nodeServeHttps } from '../../src/runtime/node/serve-https.ts'
import {
  createLocalIssuer,
  type ListenOptions,
  listenAcmeServer,
  loopbackNetworks,
} from '../../src/server/index.ts'
import { certificateId } from '../../src/x509/cert-id.ts'
import { parseCertificate } from '../../src/x509/certificate.ts'
import { checkChain } from '../../src/x509/chain.ts'
import { createCsr } from '../../src/x509/csr.ts'
import { createSigner, generateAccountKey, generateKey } from '../../src/x509/key.ts'

const signal = AbortSignal.timeout(2 * minuteMs)
const runtime = { ...nodeRuntime(), serveHttps: nodeServeHttps() }

/** A CA, a client that trusts it, and a web server that answers the challenges of every name for `prints`. */
async function startScene(options: Partial<ListenOptions> = {}) {
  const prints = new Map<string, string>()
  const web = await runtime.listenHttp([{ host: '127.0.0.1', port: 0 }], ({ path, host }) => {
    const print = prints.get(host ?? '')
    const token = path.split('/').at(-1) ?? ''
    return print === undefined
      ? { status: 404, body: '' }
      : { status: 200, body: keyAuthorization(token, print) }
  })
  const issuer = await createLocalIssuer({}, runtime)
  const listening = await listenAcmeServer(
    {
      listen: { host: '127.0.0.1', port: 0 },
      issuer,
      validation: {
        httpPort: web.addresses[0]?.port ?? assert.fail('no port'),
        resolver: { addresses: async () => ['127.0.0.1'] },
        allowedNetworks: loopbackNetworks,
      },
      ...options,
    },
    runtime,
  )
  const client = createAcmeClient({ directory: listening.directoryUrl, trustPem: issuer.rootPem }, runtime)
  return {
    client,
    issuer,
    prints,
    async [Symbol.asyncDispose]() {
      await listening[Symbol.asyncDispose]()
      await web[Symbol.asyncDispose]()
    },
  }
}

type Scene = Awaited<ReturnType<typeof startScene>>

async function register(client: AcmeClient): Promise<AccountKey> {
  const signer = createSigner(await generateAccountKey('ES256'))
  const { account } = await client.newAccount({ signer, termsOfServiceAgreed: true }, { signal })
  return { url: account.url, signer }
}

async function authorize({ client, prints }: Scene, account: AccountKey, order: Order): Promise<Order> {
  for (const { value } of order.identifiers) prints.set(value, thumbprint(account.signer.publicKey))
  for (const url of order.authorizations) {
    const { authorization } = await client.readAuthorization(account, url, { signal })
    if (authorization.status === 'valid') continue
    const [challenge = assert.fail('no challenge')] = authorization.challenges
    await client.answerChallenge(account, challenge.url, { signal })
  }
  return settled(client, account, order, 'pending')
}

/** The order once it has left a status. */
async function settled(
  client: AcmeClient,
  account: AccountKey,
  order: Order,
  status: string,
): Promise<Order> {
  for (let current = order; ; ) {
    const reply = await client.readOrder(account, current.url, { signal })
    if (reply.order.status !== status) return reply.order
    current = reply.order
    await runtime.clock.sleep(20, signal)
  }
}

async function obtain(
  scene: Scene,
  account: AccountKey,
  names: readonly string[],
  more: Partial<Parameters<AcmeClient['newOrder']>[1]> = {},
) {
  const { client, issuer } = scene
  const identifiers = names.map(parseIdentifier)
  const { order: created } = await client.newOrder(account, { identifiers, ...more }, { signal })
  const ready = await authorize(scene, account, created)
  const key = await generateKey('ecdsa-p256')
  const { order: finalized } = await client.finalize(account, ready, createCsr(identifiers, key), { signal })
  const order = await settled(client, account, finalized, 'processing')
  assert.ok(order.status === 'valid', order.status)
  const { chain, alternates } = await client.certificate(account, order.certificate, { signal })
  const certificates = chain.map(parseCertificate)
  const [leaf = assert.fail('no leaf')] = certificates
  assert.equal(checkChain(certificates, { roots: [issuer.root], at: runtime.clock.now() }), undefined)
  assert.deepEqual(leaf.identifiers, identifiers)
  return { order, key, leaf, chain, alternates }
}

describe('client and embedded CA', () => {
  it('go all the way, with half of the nonces refused', async () => {
    const profiles = new Map([['short', { description: 'six days', certificateLifetimeMs: 6 * dayMs }]])
    await using scene = await startScene({ rejectNonces: 0.5, seed: 20, profiles })
    const { client } = scene
    const account = await register(client)
    const first = await obtain(scene, account, ['a.test.example', 'b.test.example'])
    const [alternate = assert.fail('no alternate')] = first.alternates
    assert.equal((await client.certificate(account, alternate, { signal })).chain.length, 3)

    const id = certificateId(first.leaf)
    const { info, checkAgainAt } = await client.renewalInfo(id, { signal })
    assert.ok(info.suggestedWindow.start > runtime.clock.now())
    assert.ok(checkAgainAt - runtime.clock.now() > 5 * hourMs)
    const second = await obtain(scene, account, ['a.test.example'], { replaces: id, profile: 'short' })
    assert.deepEqual([second.order.replaces, second.order.profile], [id, 'short'])
    const identifiers = [parseIdentifier('a.test.example')]
    await assert.rejects(client.newOrder(account, { identifiers, replaces: id }, { signal }), error =>
      isProblemError(error, 'alreadyReplaced'),
    )

    await client.revokeCertificate({ account }, first.leaf.der, 'superseded', { signal })
    const passed = await client.renewalInfo(id, { signal })
    assert.ok(passed.info.suggestedWindow.end < runtime.clock.now())
    const certificateSigner = createSigner(second.key)
    await client.revokeCertificate({ certificateSigner }, second.leaf.der, 'key-compromise', { signal })

    const newSigner = createSigner(await generateAccountKey('ES384'))
    const renewed = await client.rolloverKey(account, newSigner, { signal })
    await obtain(scene, renewed, ['c.test.example'])
    const list = await client.listOrders(renewed, { signal })
    assert.deepEqual([list?.complete, list?.urls.length], [true, 3])
    await client.deactivateAccount(renewed, { signal })
    await assert.rejects(client.readAccount(renewed, { signal }), error =>
      isProblemError(error, 'unauthorized'),
    )
  })

  it('survive slow replies: nothing is held back, and everything is looked at again', async () => {
    await using scene = await startScene({ holdRepliesMs: 0 })
    await obtain(scene, await register(scene.client), ['a.test.example'])
  })

  it('issue for a hundred names in one order, and for twenty orders at a time', async () => {
    await using scene = await startScene({ rejectNonces: 0.1 })
    const account = await register(scene.client)
    const names = (count: number, of: string) =>
      Array.from({ length: count }, (_, i) => `n${i}.${of}.example`)
    await obtain(scene, account, names(100, 'wide'))
    const all = await Promise.all(names(20, 'many').map(name => obtain(scene, account, [name])))
    assert.equal(new Set(all.map(({ leaf }) => leaf.fingerprint)).size, 20)
  })

  it('agree about what was seen in place of the key authorization', async () => {
    await using scene = await startScene()
    const account = await register(scene.client)
    const identifiers = [parseIdentifier('nobody.test.example')]
    const { order } = await scene.client.newOrder(account, { identifiers }, { signal })
    const [url = assert.fail('no authorization')] = order.authorizations
    const { authorization } = await scene.client.readAuthorization(account, url, { signal })
    const [challenge = assert.fail('no challenge')] = authorization.challenges
    const { challenge: failed } = await scene.client.answerChallenge(account, challenge.url, { signal })
    assert.ok(failed.status === 'invalid')
    assert.match(failed.error?.detail ?? '', /nobody\.test\.example.*127\.0\.0\.1.*404/)
    assert.equal((await settled(scene.client, account, order, 'pending')).status, 'invalid')
  })
})
