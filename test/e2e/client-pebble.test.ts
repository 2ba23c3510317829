/** The client against Pebble: every resource, every key, with real validation over http-01. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { parseIdentifier } from '../../src/acme/identifier.ts'
import { keyAuthorization } from '../../src/acme/key-authorization.ts'
import type { Order } from '../../src/acme/order.ts'
import { isProblemError } from '../../src/acme/problem.ts'
import { dayMs, hourMs } from '../../src/base/instant.ts'
import { type AccountKey, type AcmeClient, createAcmeClient, nodeRuntime } from '../../src/client/index.ts'
import { parseHmacKey } from '../../src/jose/external-account-binding.ts'
import { thumbprint } from '../../src/jose/thumbprint.ts'
import type { HttpExchange } from '../../src/runtime/http.ts'
import { replyLost } from '../../src/testing/scripted-ca.ts'
import { certificateId } from '../../src/x509/cert-id.ts'
import { parseCertificate } from '../../src/x509/certificate.ts'
import { createCsr } from '../../src/x509/csr.ts'
import { createSigner, generateAccountKey, generateKey, samePublicKey } from '../../src/x509/key.ts'
import type { SignatureAlgorithm } from '../../src/x509/key-types.ts'
import { type Pebble, type PebbleOptions, startPebble } from '../support/pebble.ts'
import { skipWithout } from '../support/programs.ts'
import { until } from '../support/wait.ts'

const skip = skipWithout('pebble', 'pebble-challtestsrv', 'openssl')
const signal = AbortSignal.timeout(120_000)
const runtime = nodeRuntime()

type Scene = AsyncDisposable & { readonly pebble: Pebble; readonly client: AcmeClient }

/** A Pebble, a client for it, and a web server that answers every challenge of `holder`'s. */
async function startScene(options: PebbleOptions = {}, http: HttpExchange = runtime.http): Promise<Scene> {
  const pebble = await startPebble(options)
  const client = createAcmeClient(
    { directory: pebble.directory, trustPem: pebble.trustPem },
    { ...runtime, http },
  )
  return { pebble, client, [Symbol.asyncDispose]: () => pebble[Symbol.asyncDispose]() }
}

async function register(
  client: AcmeClient,
  algorithm: SignatureAlgorithm = 'ES256',
  more: Partial<Parameters<AcmeClient['newAccount']>[0]> = {},
): Promise<AccountKey> {
  const signer = createSigner(await generateAccountKey(algorithm))
  const { account, created } = await client.newAccount(
    { signer, termsOfServiceAgreed: true, ...more },
    { signal },
  )
  assert.equal(created, true)
  return { url: account.url, signer }
}

/** Answers the challenges of an order and waits until it is ready. */
async function authorize({ client, pebble }: Scene, account: AccountKey, order: Order): Promise<Order> {
  await using _listener = await runtime.listenHttp(
    [{ host: '127.0.0.1', port: pebble.httpPort }],
    ({ path }) => {
      const token = path.split('/').at(-1) ?? ''
      return { status: 200, body: keyAuthorization(token, thumbprint(account.signer.publicKey)) }
    },
  )
  for (const url of order.authorizations) {
    const { authorization } = await client.readAuthorization(account, url, { signal })
    if (authorization.status === 'valid') continue
    const challenge = authorization.challenges.find(({ type }) => type === 'http-01') ?? assert.fail()
    await client.answerChallenge(account, challenge.url, { signal })
  }
  return await until('the order to leave pending', async () => {
    const { order: current } = await client.readOrder(account, order.url, { signal })
    return current.status === 'pending' ? undefined : current
  })
}

/** Orders and obtains a certificate. */
async function obtain(
  scene: Scene,
  account: AccountKey,
  names: readonly string[],
  more: Partial<Parameters<AcmeClient['newOrder']>[1]> = {},
) {
  const { client } = scene
  const identifiers = names.map(parseIdentifier)
  const { order: created } = await client.newOrder(account, { identifiers, ...more }, { signal })
  const ready = await authorize(scene, account, created)
  assert.equal(ready.status, 'ready')
  const key = await generateKey('ecdsa-p256')
  const { order: finalized } = await client.finalize(account, ready, createCsr(identifiers, key), { signal })
  assert.equal(finalized.url, created.url)
  const order = await until('the certificate', async () => {
    const { order: current } = await client.readOrder(account, finalized.url, { signal })
    return current.status === 'valid' ? current : undefined
  })
  const { chain, alternates } = await client.certificate(account, order.certificate, { signal })
  const leaf = parseCertificate(chain[0] ?? assert.fail('no leaf'))
  assert.ok(samePublicKey(leaf.publicKey, key))
  return { order, key, leaf, chain, alternates, certificateUrl: order.certificate }
}

test('every resource of Pebble', { skip }, async t => {
  await using scene = await startScene({
    alternateRoots: 2,
    env: { PEBBLE_WFE_ORDERS_PER_PAGE: '2', PEBBLE_CHAIN_LENGTH: '2' },
    retryAfter: { authz: 2, order: 4 },
    profiles: {
      default: { description: 'The usual one', validityPeriod: (90 * dayMs) / 1000 },
      shortlived: { description: 'Six days', validityPeriod: (6 * dayMs) / 1000 },
    },
  })
  const { client, pebble } = scene
  const account = await register(client, 'ES256', { contact: ['mailto:a@example.org'] })

  await t.test('the directory', async () => {
    const { meta, renewalInfo } = await client.directory({ signal })
    assert.deepEqual([...meta.profiles.keys()].sort(), ['default', 'shortlived'])
    assert.ok(renewalInfo)
  })

  await t.test('reading and updating the account', async () => {
    assert.deepEqual((await client.readAccount(account, { signal })).contact, ['mailto:a@example.org'])
    const changed = await client.updateAccount(account, { contact: ['mailto:b@example.org'] }, { signal })
    assert.deepEqual(changed.contact, ['mailto:b@example.org'])
  })

  await t.test('finding the account of a key, and of no key', async () => {
    const { signer } = account
    const found = await client.newAccount({ signer, onlyReturnExisting: true }, { signal })
    assert.deepEqual([found.created, found.account.url], [false, account.url])
    const stranger = createSigner(await generateAccountKey('ES256'))
    await assert.rejects(
      client.newAccount({ signer: stranger, onlyReturnExisting: true }, { signal }),
      error => isProblemError(error, 'accountDoesNotExist'),
    )
  })

  await t.test('terms that were not agreed to', async () => {
    const signer = createSigner(await generateAccountKey('ES256'))
    await assert.rejects(client.newAccount({ signer }, { signal }), {
      code: 'ERR_ACME_PROBLEM',
      hint: /agree to the terms/,
    })
  })

  await t.test('a certificate, its alternates, and renewal information', async () => {
    const { leaf, chain, alternates } = await obtain(scene, account, ['a.test', 'b.test'])
    assert.deepEqual(leaf.identifiers.map(({ value }) => value).sort(), ['a.test', 'b.test'])
    assert.equal(chain.length, 3)
    assert.equal(alternates.length, 2)
    for (const url of alternates) {
      const other = await client.certificate(account, url, { signal })
      assert.deepEqual(other.chain[0], chain[0])
      assert.notDeepEqual(other.chain.at(-1), chain.at(-1))
    }
    const { info, checkAgainAt } = await client.renewalInfo(certificateId(leaf), { signal })
    assert.ok(info.suggestedWindow.start > leaf.notBefore && info.suggestedWindow.end < leaf.notAfter)
    const waitMs = checkAgainAt - runtime.clock.now()
    assert.ok(waitMs > 5.9 * hourMs && waitMs <= 6 * hourMs)
  })

  await t.test('an address, a profile, and the certificate that it replaces', async () => {
    const first = await obtain(scene, account, ['c.test'])
    const replaces = certificateId(first.leaf)
    const second = await obtain(scene, account, ['c.test'], { replaces, profile: 'shortlived' })
    assert.equal(second.order.replaces, replaces)
    assert.equal(second.order.profile, 'shortlived')
    assert.ok(second.leaf.notAfter - second.leaf.notBefore < 7 * dayMs)
    const again = client.newOrder(account, { identifiers: [parseIdentifier('c.test')], replaces }, { signal })
    await assert.rejects(again, error => isProblemError(error, 'alreadyReplaced'))
    const { leaf } = await obtain(scene, account, ['127.0.0.1'])
    assert.deepEqual(leaf.identifiers, [{ type: 'ip', value: '127.0.0.1' }])
  })

  await t.test('the list of orders, across pages', async () => {
    const list = (await client.listOrders(account, { signal })) ?? assert.fail('no list')
    assert.equal(list.complete, true)
    assert.ok(list.urls.length >= 4)
    assert.equal(new Set(list.urls).size, list.urls.length)
    for (const url of list.urls) await client.readOrder(account, url, { signal })
  })

  await t.test('Retry-After of an order in progress', async () => {
    const identifiers = [parseIdentifier('d.test')]
    const { order: created } = await client.newOrder(account, { identifiers }, { signal })
    const ready = await authorize(scene, account, created)
    const csr = createCsr(identifiers, await generateKey('ecdsa-p256'))
    const { order, retryAt } = await client.finalize(account, ready, csr, { signal })
    if (order.status === 'processing') assert.ok(retryAt && retryAt > runtime.clock.now())
  })

  await t.test('finalize too early, and with a wrong CSR', async () => {
    const identifiers = [parseIdentifier('e.test')]
    const csr = createCsr([parseIdentifier('f.test')], await generateKey('ecdsa-p256'))
    const { order } = await client.newOrder(account, { identifiers }, { signal })
    await assert.rejects(client.finalize(account, order, csr, { signal }), error =>
      isProblemError(error, 'orderNotReady'),
    )
    const ready = await authorize(scene, account, order)
    await assert.rejects(client.finalize(account, ready, csr, { signal }), {
      code: 'ERR_ACME_PROBLEM',
      message: /^127\.0\.0\.1:\d+ refused to finalize the order for e\.test: /,
    })
  })

  await t.test('a challenge that fails, and an authorization that is given up', async () => {
    const identifiers = [parseIdentifier('g.test'), parseIdentifier('h.test')]
    const { order } = await client.newOrder(account, { identifiers }, { signal })
    const [failing, leaving] = order.authorizations
    assert.ok(failing && leaving)
    const { authorization } = await client.readAuthorization(account, failing, { signal })
    const challenge = authorization.challenges.find(({ type }) => type === 'http-01') ?? assert.fail()
    await client.answerChallenge(account, challenge.url, { signal }) // nothing listens
    const failed = await until('the failure', async () => {
      const { authorization: current } = await client.readAuthorization(account, failing, { signal })
      return current.status === 'pending' ? undefined : current
    })
    assert.equal(failed.status, 'invalid')
    assert.ok(failed.challenges.some(({ status }) => status === 'invalid'))
    const given = await client.deactivateAuthorization(account, leaving, { signal })
    assert.equal(given.status, 'deactivated')
  })

  await t.test('revocation by account, by certificate key, and twice', async () => {
    const one = await obtain(scene, account, ['i.test'])
    await client.revokeCertificate({ account }, one.leaf.der, 'superseded', { signal })
    await client.revokeCertificate({ account }, one.leaf.der, 'superseded', { signal })
    const two = await obtain(scene, account, ['j.test'])
    const certificateSigner = createSigner(two.key)
    await client.revokeCertificate({ certificateSigner }, two.leaf.der, 'key-compromise', { signal })
    for (const [{ leaf }, reason] of [
      [one, 4],
      [two, 1],
    ] as const) {
      const { text } = await pebble.manage(
        `/cert-status-by-serial/${Buffer.from(leaf.serialNumber).toString('hex')}`,
      )
      assert.match(text, new RegExp(`"Status": "Revoked"`))
      assert.match(text, new RegExp(`"Reason": ${reason}\\b`))
    }
    const stranger = await register(client)
    const three = await obtain(scene, account, ['k.test'])
    await assert.rejects(
      client.revokeCertificate({ account: stranger }, three.leaf.der, 'unspecified', { signal }),
      { code: 'ERR_ACME_PROBLEM' },
    )
  })

  await t.test('key rollover, also when it was done before', async () => {
    const newSigner = createSigner(await generateAccountKey('ES384'))
    const changed = await client.rolloverKey(account, newSigner, { signal })
    assert.equal(changed.url, account.url)
    assert.equal((await client.readAccount(changed, { signal })).status, 'valid')
    await assert.rejects(client.readAccount(account, { signal }), { code: 'ERR_ACME_PROBLEM' })
    await client.rolloverKey(account, newSigner, { signal })
    const other = await register(client)
    // Pebble answers 200 here and changes nothing.
    await assert.rejects(client.rolloverKey(other, newSigner, { signal }), { code: 'ERR_ACCOUNT' })
    assert.equal((await client.readAccount(other, { signal })).status, 'valid')
  })

  await t.test('deactivation of the account', async () => {
    const leaving = await register(client)
    await client.deactivateAccount(leaving, { signal })
    await assert.rejects(client.newOrder(leaving, { identifiers: [parseIdentifier('l.test')] }, { signal }), {
      code: 'ERR_ACME_PROBLEM',
    })
  })
})

test('account keys', { skip }, async t => {
  await using scene = await startScene()
  for (const algorithm of ['ES256', 'ES384', 'RS256'] as const) {
    await t.test(`${algorithm} obtains a certificate`, async () => {
      const account = await register(scene.client, algorithm)
      await obtain(scene, account, [`${algorithm.toLowerCase()}.test`])
    })
  }
  await t.test('EdDSA, which Pebble does not know, is refused with a way out', async () => {
    await assert.rejects(register(scene.client, 'EdDSA'), {
      code: 'ERR_ACME_PROBLEM',
      message: /badSignatureAlgorithm/,
      hint: /ES256/,
    })
  })
})

test('an external account', { skip }, async t => {
  const secret = 'zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W'
  await using scene = await startScene({ externalAccounts: { 'kid-1': secret } })
  const { client } = scene
  const externalAccount = { keyId: 'kid-1', hmacKey: parseHmacKey(secret), algorithm: 'HS256' } as const

  await t.test('is required', async () => {
    assert.equal((await client.directory({ signal })).meta.externalAccountRequired, true)
    await assert.rejects(register(client), { code: 'ERR_ACME_PROBLEM', hint: /HMAC key/ })
  })
  await t.test('with the right key is accepted', async () => {
    const account = await register(client, 'ES256', { externalAccount })
    await obtain(scene, account, ['a.test'])
  })
  await t.test('with a wrong key is not', async () => {
    const hmacKey = parseHmacKey(secret.replace('z', 'y'))
    const wrong = { ...externalAccount, hmacKey }
    await assert.rejects(register(client, 'ES256', { externalAccount: wrong }), { code: 'ERR_ACME_PROBLEM' })
  })
})

test('a CA that refuses half of all nonces', { skip }, async () => {
  await using scene = await startScene({ nonceReject: 50 })
  const account = await register(scene.client)
  const names = ['a.test', 'b.test', 'c.test', 'd.test']
  const { leaf } = await obtain(scene, account, names)
  assert.equal(leaf.identifiers.length, names.length)
})

test('many requests at once share their nonces', { skip }, async () => {
  const counts = { HEAD: 0, GET: 0, POST: 0, PUT: 0, PATCH: 0 }
  const counting: HttpExchange = (url, request) => {
    counts[request.method] += 1
    return runtime.http(url, request)
  }
  await using scene = await startScene({}, counting)
  const account = await register(scene.client)
  await Promise.all(Array.from({ length: 40 }, () => scene.client.readAccount(account, { signal })))
  assert.ok(counts.POST >= 41 && counts.POST < 45, `${counts.POST} POSTs: no nonce was used twice`)
  assert.ok(counts.HEAD <= 33, `${counts.HEAD} requests for a nonce`)
})

test('every effect survives the loss of its reply', { skip }, async () => {
  let losing = ''
  const lossy: HttpExchange = async (url, request) => {
    const reply = await runtime.http(url, request)
    if (losing === '' || !url.includes(losing) || reply.status >= 400) return reply
    losing = ''
    throw replyLost
  }
  await using scene = await startScene({}, lossy)
  const { client } = scene
  const names = async (path: string) => {
    losing = path
  }

  await names('/sign-me-up')
  const signer = createSigner(await generateAccountKey('ES256'))
  const found = await client.newAccount({ signer, termsOfServiceAgreed: true }, { signal })
  assert.equal(found.created, false)
  const account = { url: found.account.url, signer }

  await names('/order-plz')
  const identifiers = [parseIdentifier('a.test')]
  const { order } = await client.newOrder(account, { identifiers }, { signal })
  assert.deepEqual((await client.listOrders(account, { signal }))?.urls, [order.url])

  await names('/chalZ/')
  const ready = await authorize(scene, account, order)
  assert.equal(losing, '')

  await names('/finalize-order/')
  const key = await generateKey('ecdsa-p256')
  await client.finalize(account, ready, createCsr(identifiers, key), { signal })
  const issued = await until('the certificate', async () => {
    const { order: current } = await client.readOrder(account, order.url, { signal })
    return current.status === 'valid' ? current : undefined
  })
  const { chain } = await client.certificate(account, issued.certificate, { signal })

  await names('/revoke-cert')
  await client.revokeCertificate({ account }, chain[0] ?? assert.fail(), 'unspecified', { signal })
  assert.equal(losing, '')

  await names('/rollover-account-key')
  const newSigner = createSigner(await generateAccountKey('ES256'))
  const changed = await client.rolloverKey(account, newSigner, { signal })
  assert.equal(losing, '')

  await names('/my-account/')
  await client.deactivateAccount(changed, { signal })
  assert.equal(losing, '')
})
