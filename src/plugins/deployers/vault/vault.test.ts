import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseIdentifier } from '../../../acme/identifier.ts'
import type { DeployableCertificate } from '../../../contracts/deployer.ts'
import type { TargetOptions } from '../../../contracts/target-options.ts'
import type { HttpReply, HttpRequest } from '../../../runtime/http.ts'
import { fakeHttp, textReply } from '../../../testing/fake-network.ts'
import { fakeRuntime } from '../../../testing/fake-runtime.ts'
import { createVaultDeployer } from './vault.ts'

const { signal } = new AbortController()
const certificate: DeployableCertificate = {
  name: 'a.example',
  identifiers: [parseIdentifier('a.example')],
  liveDirectory: '/state/live/a.example',
  fingerprint: 'ab',
}
const address = 'https://vault.example:8200/'
const fresh = { cert: 'CERT\n', chain: 'CHAIN\n', fullchain: 'CERT\nCHAIN\n', privkey: 'KEY\n' }
const old = { privkey: 'old key', note: 'of somebody else' }

type Sent = HttpRequest & { readonly url: string }
type Answer = (sent: Sent) => HttpReply | undefined
const json = (status: number, value: unknown) => textReply(status, JSON.stringify(value))
const errors = (status: number, ...texts: readonly string[]) => json(status, { errors: texts })

/** A store of version 2 with the versions of one secret; one that is deleted has no data. */
function store(versions: (object | undefined)[]): Answer {
  return ({ method, body = '' }) => {
    const metadata = { version: versions.length }
    const data = versions.at(-1)
    if (method === 'GET') {
      if (versions.length === 0) return errors(404)
      return json(data === undefined ? 404 : 200, { data: { data: data ?? null, metadata } })
    }
    const wanted = JSON.parse(body) as { options: { cas: number }; data: object }
    if (wanted.options.cas !== versions.length)
      return errors(400, 'check-and-set parameter did not match the current version')
    versions.push(wanted.data)
    return json(200, { data: { version: versions.length } })
  }
}

async function setUp(answer: Answer, target: Partial<TargetOptions<'vault'>> = {}) {
  const sent: Sent[] = []
  const http = fakeHttp((url, request) => {
    sent.push({ ...request, url })
    return answer({ ...request, url })
  })
  const runtime = fakeRuntime({ http }, { variables: { TOKEN: 's.geheim' } })
  for (const name of ['cert', 'chain']) await runtime.files.put(`/g/${name}.pem`, `${name.toUpperCase()}\n`)
  await runtime.files.put('/g/privkey.pem', 'KEY\n')
  const where = { address, mount: 'secret', path: 'tls/a', token: { env: 'TOKEN' } }
  const deployer = createVaultDeployer({ ...where, ...target }, runtime)
  const prepare = async () => {
    const prepared = await deployer.prepare?.(certificate, { directory: '/g', signal })
    assert.ok(prepared !== undefined)
    return prepared
  }
  return { sent, deployer, prepare }
}

const writes = (sent: readonly Sent[]) => sent.filter(({ method }) => method === 'POST')

test('a first secret is written only if there is still none', async () => {
  const { prepare, sent } = await setUp(store([]), { namespace: 'team/a' })
  const prepared = await prepare()
  assert.deepEqual([prepared.changes, prepared.replaces], [true, false])
  await prepared.commit()
  const [write] = writes(sent)
  assert.equal(write?.url, 'https://vault.example:8200/v1/secret/data/tls/a')
  assert.deepEqual(write.headers, {
    'user-agent': 'certwright',
    accept: 'application/json',
    'x-vault-token': 's.geheim',
    'x-vault-request': 'true',
    'x-vault-namespace': 'team/a',
    'content-type': 'application/json',
  })
  assert.deepEqual(JSON.parse(write.body ?? ''), { options: { cas: 0 }, data: fresh })
})

test('fields of somebody else stay, and the former content is written back as a new version', async () => {
  const versions: (object | undefined)[] = [{}, old]
  const { prepare } = await setUp(store(versions))
  const prepared = await prepare()
  await prepared.commit()
  await prepared.undo()
  assert.deepEqual(versions, [{}, old, { ...old, ...fresh }, old])
})

test('a secret whose last version was deleted goes on from its number', async () => {
  const versions: (object | undefined)[] = [old, undefined]
  const { prepare } = await setUp(store(versions))
  const prepared = await prepare()
  assert.equal(prepared.replaces, false)
  await prepared.commit()
  assert.deepEqual(versions.at(-1), fresh)
})

test('whoever was faster is not overwritten', async () => {
  const versions: (object | undefined)[] = [old]
  const { prepare } = await setUp(store(versions))
  const prepared = await prepare()
  versions.push({ privkey: 'of somebody else' })
  await assert.rejects(prepared.commit(), {
    code: 'ERR_DEPLOY',
    message: /cannot write secret\/tls\/a: answer 400: check-and-set parameter did not match/,
    hint: /somebody else wrote this secret in between/,
  })
  await prepared.undo()
  assert.equal(versions.length, 2)
})

test('what is there as wanted is not written again', async () => {
  const { prepare, sent } = await setUp(store([{ ...old, ...fresh }]))
  const prepared = await prepare()
  assert.deepEqual([prepared.changes, prepared.replaces], [false, true])
  await prepared.commit()
  await prepared.undo()
  assert.deepEqual(writes(sent), [])
})

test('version 1 of the store, with fields as they are wanted', async () => {
  let now: unknown = old
  const answer: Answer = ({ method, body = '' }) => {
    if (method === 'GET') return json(200, { data: now })
    now = JSON.parse(body)
    return textReply(204, '')
  }
  const fields = { pem: 'combined', crt: 'fullchain' } as const
  const { prepare, sent } = await setUp(answer, { 'kv-version': 1, fields })
  const prepared = await prepare()
  await prepared.commit()
  assert.deepEqual(now, { ...old, pem: 'KEY\nCERT\nCHAIN\n', crt: 'CERT\nCHAIN\n' })
  assert.equal(sent.at(-1)?.url, 'https://vault.example:8200/v1/secret/tls/a')
  await prepared.undo()
  assert.deepEqual(now, old)
})

const refusals: readonly (readonly [HttpReply | undefined, RegExp, RegExp, 'not-running'?])[] = [
  [
    errors(403, 'permission denied'),
    /answer 403: permission denied/,
    /read, create and update of secret\/data\/tls\/a/,
  ],
  [
    errors(404, 'no handler for route "secret/"'),
    /answer 404: no handler/,
    /whether secret is a key-value store/,
  ],
  [errors(503, 'Vault is sealed'), /answer 503: Vault is sealed/, /unseal it/, 'not-running'],
  [errors(500, 'internal error'), /answer 500: internal error/, /tried again later/, 'not-running'],
  [textReply(200, '<html>s.geheim</html>'), /^(?!.*geheim)/s, /./],
  [textReply(404, '<html>'), /answer 404: <html>/, /key-value store/],
  [undefined, /vault at https:\/\/vault\.example:8200: cannot connect/, /^undefined$/, 'not-running'],
]
for (const [reply, says, hint, state = 'broken'] of refusals) {
  test(`${reply?.status ?? 'no'} answer: ${says}`, async () => {
    const { deployer, sent } = await setUp(() => reply)
    const inspection = await deployer.inspect(certificate, { signal })
    assert.ok(inspection.state === state)
    assert.match(inspection.error.message, says)
    assert.match(String(inspection.error.hint), hint)
    assert.deepEqual(writes(sent), [])
  })
}

test('a certificate whose key is elsewhere can have its public parts there', async () => {
  const { deployer } = await setUp(store([]), { fields: { crt: 'fullchain' } })
  assert.equal(deployer.needsKey, false)
  assert.equal((await setUp(store([]))).deployer.needsKey, true)
})
