import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseIdentifier } from '../../../acme/identifier.ts'
import type { DeployableCertificate } from '../../../contracts/deployer.ts'
import type { TargetOptions } from '../../../contracts/target-options.ts'
import type { HttpReply, HttpRequest } from '../../../runtime/http.ts'
import { fakeHttp, textReply } from '../../../testing/fake-network.ts'
import { fakeRuntime } from '../../../testing/fake-runtime.ts'
import { createKubernetesDeployer } from './kubernetes.ts'

const { signal } = new AbortController()
const certificate: DeployableCertificate = {
  name: 'a.example',
  identifiers: [parseIdentifier('a.example')],
  liveDirectory: '/state/live/a.example',
  fingerprint: 'ab',
}
const base64 = (text: string) => Buffer.from(text).toString('base64')
const old = { 'tls.crt': base64('old cert'), 'tls.key': base64('old key') }
const fresh = { 'tls.crt': base64('CERT\nCHAIN\n'), 'tls.key': base64('KEY\n') }
const url = 'https://10.0.0.1:6443/api/v1/namespaces/web/secrets/tls'
const pem = '-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n'
const pod = '/var/run/secrets/kubernetes.io/serviceaccount'

type Sent = HttpRequest & { readonly url: string }
type Answer = (sent: Sent) => HttpReply | undefined

const status = (code: number, message: string) =>
  textReply(code, JSON.stringify({ kind: 'Status', message, code }))

/** A cluster with at most one secret. */
function cluster({ data, type = 'kubernetes.io/tls' }: { data?: object; type?: string }): Answer {
  let now: object | undefined = data
  return ({ method, body = '' }) => {
    if (method === 'GET')
      return now === undefined
        ? status(404, 'secrets "tls" not found')
        : textReply(200, JSON.stringify({ kind: 'Secret', type, data: now }))
    now = (JSON.parse(body) as { data: object }).data
    return textReply(200, '{}')
  }
}

async function setUp(answer: Answer, target: Partial<TargetOptions<'kubernetes'>> = {}) {
  const sent: Sent[] = []
  const http = fakeHttp((to, request) => {
    sent.push({ ...request, url: to })
    return answer({ ...request, url: to })
  })
  const variables = { TOKEN: 'geheim', KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '6443' }
  const runtime = fakeRuntime({ http }, { variables })
  for (const name of ['cert', 'chain']) await runtime.files.put(`/g/${name}.pem`, `${name.toUpperCase()}\n`)
  await runtime.files.put('/g/privkey.pem', 'KEY\n')
  await runtime.files.put(`${pod}/token`, 'pod-token\n')
  await runtime.files.put(`${pod}/ca.crt`, pem)
  const deployer = createKubernetesDeployer({ namespace: 'web', secret: 'tls', ...target }, runtime)
  const prepare = async () => {
    const prepared = await deployer.prepare?.(certificate, { directory: '/g', signal })
    assert.ok(prepared !== undefined)
    return prepared
  }
  return { sent, deployer, prepare }
}

const patches = (sent: readonly Sent[]) => sent.filter(({ method }) => method === 'PATCH')
const dataOf = ({ body = '' }: Sent) => (JSON.parse(body) as { data: unknown }).data

test('in a pod, the secret is applied with what every pod is given', async () => {
  const { prepare, sent } = await setUp(cluster({}))
  const prepared = await prepare()
  assert.deepEqual([prepared.changes, prepared.replaces], [true, false])
  assert.deepEqual(patches(sent), [], 'nothing is changed yet')
  await prepared.commit()
  await prepared.keep()
  const [patch] = patches(sent)
  assert.equal(patch?.url, `${url}?fieldManager=certwright`)
  assert.equal(patch.trustPem, pem)
  assert.deepEqual(patch.headers, {
    'user-agent': 'certwright',
    accept: 'application/json',
    authorization: 'Bearer pod-token',
    'content-type': 'application/apply-patch+yaml',
  })
  assert.deepEqual(JSON.parse(patch.body ?? ''), {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'tls', namespace: 'web' },
    type: 'kubernetes.io/tls',
    data: fresh,
  })
})

test('another cluster, with a token and a CA of its own', async () => {
  const target = { server: 'https://k.example/clusters/one/', token: { env: 'TOKEN' }, force: true }
  const { prepare, sent } = await setUp(cluster({ data: old }), target)
  await (await prepare()).commit()
  const [patch] = patches(sent)
  assert.equal(
    patch?.url,
    'https://k.example/clusters/one/api/v1/namespaces/web/secrets/tls?fieldManager=certwright&force=true',
  )
  assert.equal(patch.headers?.['authorization'], 'Bearer geheim')
  assert.equal(patch.trustPem, undefined, 'the roots of the system')
})

test('the former content is written back', async () => {
  const { prepare, sent } = await setUp(cluster({ data: old }))
  const prepared = await prepare()
  await prepared.commit()
  await prepared.undo()
  assert.deepEqual(patches(sent).map(dataOf), [fresh, old])
})

test('what is there as wanted is not written, and what nobody wrote is not undone', async () => {
  const same = await setUp(cluster({ data: fresh }))
  const prepared = await same.prepare()
  assert.equal(prepared.changes, false)
  await prepared.commit()
  await prepared.undo()
  const before = await setUp(cluster({ data: old }))
  await (await before.prepare()).undo()
  const first = await setUp(cluster({}))
  const one = await first.prepare()
  await one.commit()
  await one.undo()
  assert.deepEqual(
    [same, before, first].map(({ sent }) => patches(sent).length),
    [0, 0, 1],
  )
})

test('a write whose answer was lost is undone', async () => {
  const real = cluster({ data: old })
  let lost = false
  const { prepare, sent } = await setUp(request => {
    const reply = real(request)
    if (request.method !== 'PATCH' || lost) return reply
    lost = true
    return undefined
  })
  const prepared = await prepare()
  await assert.rejects(prepared.commit(), { code: 'ERR_DEPLOY' })
  await prepared.undo()
  assert.deepEqual(patches(sent).map(dataOf), [fresh, old])
})

const refusals: readonly (readonly [number, string, RegExp])[] = [
  [401, 'Unauthorized', /the token is not accepted/],
  [403, 'secrets "tls" is forbidden', /a Role in web must allow get, create and patch of the secret tls/],
  [409, 'Apply failed with 2 conflicts: conflicts with "cert-manager"', /take them over with force: true/],
  [422, 'Secret "tls" is invalid', /see what it says/],
  [500, 'etcdserver: request timed out', /trouble of its own/],
]
for (const [code, message, hint] of refusals) {
  test(`${code} ${message} is told with what to do`, async () => {
    const { prepare } = await setUp(({ method }) =>
      method === 'GET' ? cluster({})({ method, url }) : status(code, message),
    )
    await assert.rejects((await prepare()).commit(), {
      code: 'ERR_DEPLOY',
      message: `kubernetes at https://10.0.0.1:6443: cannot write the secret web/tls: answer ${code}: ${message}`,
      hint,
    })
  })
}

const obstacles: readonly (readonly [string, Answer, RegExp, 'not-running'?])[] = [
  [
    'a token that is refused',
    () => status(401, 'Unauthorized'),
    /cannot read the secret web\/tls: answer 401/,
  ],
  [
    'another kind of secret',
    cluster({ data: old, type: 'Opaque' }),
    /is of type Opaque, not kubernetes\.io\/tls/,
  ],
  ['a page for people', () => textReply(200, '<html>'), /answer 200: <html>/],
  ['a server that is none', () => textReply(404, '<html>geheim</html>'), /answer 404: <html>/],
  [
    'no server at all',
    () => undefined,
    /kubernetes at https:\/\/10\.0\.0\.1:6443: cannot connect/,
    'not-running',
  ],
  ['a server in trouble', () => status(503, 'etcd'), /answer 503: etcd/, 'not-running'],
]
for (const [name, answer, says, state = 'broken'] of obstacles) {
  test(`${name} is seen before anything is done`, async () => {
    const { deployer, sent } = await setUp(answer)
    const inspection = await deployer.inspect(certificate, { signal })
    assert.ok(inspection.state === state)
    assert.match(inspection.error.message, says)
    assert.deepEqual(patches(sent), [])
  })
}

test('no token gets into an error', async () => {
  const target = { server: 'https://k.example', token: { env: 'TOKEN' } }
  const { deployer } = await setUp(() => status(403, 'Bearer geheim is forbidden'), target)
  const inspection = await deployer.inspect(certificate, { signal })
  assert.ok(inspection.state === 'broken')
  assert.ok(!inspection.error.message.includes('geheim'), inspection.error.message)
})

test('outside of a cluster it is said what is missing', async () => {
  const runtime = fakeRuntime()
  const deployer = createKubernetesDeployer({ namespace: 'web', secret: 'tls' }, runtime)
  const inspection = await deployer.inspect(certificate, { signal })
  assert.ok(inspection.state === 'broken')
  assert.match(inspection.error.message, /this is no pod of a cluster/)
  assert.match(inspection.error.hint ?? '', /server, token and ca-file/)
})
