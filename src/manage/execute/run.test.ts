import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseIdentifier } from '../../acme/identifier.ts'
import { AcmeProblemError } from '../../acme/problem.ts'
import { parseUrl } from '../../acme/wire.ts'
import { AppError } from '../../base/errors.ts'
import { instant } from '../../base/instant.ts'
import { sha256Hex } from '../../base/sha256.ts'
import type { Solver } from '../../contracts/solver.ts'
import { fakeRuntime } from '../../testing/fake-runtime.ts'
import { testAuthority } from '../../testing/test-authority.ts'
import { parseCertificate } from '../../x509/certificate.ts'
import { generateKey, privateKeyPem, publicKeyDer, samePublicKey } from '../../x509/key.ts'
import type { CertificateView } from '../observe/observation.ts'
import { type CertificateSpec, defaultSpecName } from '../spec.ts'
import { saveGeneration } from '../store/generations.ts'
import { readLeftOvers } from '../store/left-overs.ts'
import { appendEntry, failedEntry, readRun, readRunKey, saveRunKey } from '../store/runs.ts'
import { openRun } from './run.ts'

const state = '/state'
const identifier = parseIdentifier('a.example')
const spec: CertificateSpec = {
  name: defaultSpecName(identifier),
  identifiers: [identifier],
  keyType: 'ecdsa-p256',
  reuseKey: false,
  authority: { id: 'ca', directory: 'https://ca.example' },
  fallbacks: [],
  solvers: [],
  renew: { windows: [] },
  deploy: [],
  source: 'test',
}

/** A run whose process was killed after it had presented `token`, opened again. */
async function openAgain(wanted: CertificateSpec, cleanUp: Solver['cleanUp']) {
  const runtime = fakeRuntime()
  const intent = { identifiers: spec.identifiers, keyType: spec.keyType, authority: 'ca' }
  const opened = await appendEntry(state, spec.name, undefined, { kind: 'opened', intent }, runtime)
  const choice = { name: 'test', options: {} }
  const presenting = { kind: 'presenting', solver: choice, provisions: [{ token: 'token' }] } as const
  const run = await appendEntry(state, spec.name, opened, presenting, runtime)
  await saveRunKey(state, spec.name, privateKeyPem(await generateKey('ecdsa-p256')), runtime)
  const view = { name: spec.name, generations: [], damaged: [], deployments: [], attempts: {}, run }
  const solverFor = async () => ({ cleanUp }) as Solver // nothing else of it is used
  const journal = await openRun(state, { spec: wanted, view, solverFor, onEvent: () => {} }, runtime)
  return { presented: journal.run().presented, leftOvers: await readLeftOvers(state, spec.name, runtime) }
}

test('what a run presented stays in place while it is continued: the CA may be looking at it', async () => {
  const cleaned: unknown[] = []
  const { presented } = await openAgain(spec, async ({ token }) => void cleaned.push(token))
  assert.deepEqual(cleaned, [])
  assert.deepEqual(
    presented.flatMap(({ provisions }) => provisions),
    [{ token: 'token' }],
  )
})

test('a run for a CSR makes no key, and is continued only while the CSR has the same key', async () => {
  const runtime = fakeRuntime()
  const csr = { der: Uint8Array.of(1), publicKeyHash: 'hash' }
  const view = { name: spec.name, generations: [], damaged: [], deployments: [], attempts: {} }
  const solverFor = () => Promise.reject(new TypeError('nothing was presented'))
  const open = async (wanted: CertificateSpec, seen: CertificateView) =>
    openRun(state, { spec: wanted, view: seen, solverFor, onEvent: () => {} }, runtime)

  const journal = await open({ ...spec, csr }, view)
  assert.equal(journal.key, undefined)
  assert.equal(await readRunKey(state, spec.name, runtime), undefined)
  await journal.append({ kind: 'order-created', orderUrl: parseUrl('https://ca.example/order/1') })

  const killed = async () => ({ ...view, run: (await readRun(state, spec.name, runtime)) ?? assert.fail() })
  const again = await open({ ...spec, csr: { ...csr, der: Uint8Array.of(2) } }, await killed())
  assert.equal(again.run().orderUrl, 'https://ca.example/order/1')
  const other = await open({ ...spec, csr: { ...csr, publicKeyHash: 'other' } }, await killed())
  assert.deepEqual([other.run().orderUrl, other.key], [undefined, undefined])
  const own = await open(spec, await killed())
  assert.ok(own.run().orderUrl === undefined && own.key !== undefined)
})

test('a run is not continued with a key that was revoked or refused, nor is that key used again', async () => {
  const now = instant(Date.UTC(2030, 0, 1))
  const ca = await testAuthority(now)
  const badKey = { type: 'urn:ietf:params:acme:error:badPublicKey', detail: 'known to others' }
  const outage = new AppError('ERR_NETWORK', 'the CA is away')
  const goesOn = async (
    error: AppError,
    { revoked, early = false }: { readonly revoked: boolean; readonly early?: boolean },
  ) => {
    const runtime = fakeRuntime()
    const { key: pem, leafDer } = await ca.issue([identifier], { keyType: spec.keyType })
    const { publicKey, fingerprint, notBefore, notAfter } = parseCertificate(leafDer)
    const stored = await saveGeneration(
      state,
      spec.name,
      {
        ...{ identifiers: [identifier], keyType: spec.keyType, authority: spec.authority },
        ...(!early && { publicKeyHash: sha256Hex(publicKeyDer(publicKey)) }),
        ...{ orderUrl: 'https://ca.example/1', issuer: 'CN=Test', serialNumber: '01' },
        ...{ fingerprint, notBefore, notAfter, chain: [leafDer], privateKeyPem: pem },
      },
      runtime,
    )
    const reusing = { ...spec, reuseKey: true }
    const solverFor = () => Promise.reject(new TypeError('nothing was presented'))
    const view = { name: spec.name, damaged: [], deployments: [], attempts: {} }
    const open = async (generations: CertificateView['generations']) => {
      const run = await readRun(state, spec.name, runtime)
      const seen = { ...view, generations, ...(run && { run }) }
      return openRun(state, { spec: reusing, view: seen, solverFor, onEvent: () => {} }, runtime)
    }
    const first = await open([stored])
    assert.ok(first.key !== undefined && samePublicKey(first.key, publicKey), 'it begins with the key')
    await first.append({ kind: 'order-created', orderUrl: parseUrl('https://ca.example/order/1') })
    await first.append(failedEntry(error))
    const { key, run } = await open([revoked ? { ...stored, revokedAt: now } : stored])
    assert.ok(key !== undefined)
    return [run().orderUrl !== undefined, samePublicKey(key, publicKey)]
  }
  assert.deepEqual(await goesOn(outage, { revoked: false }), [true, true])
  assert.deepEqual(await goesOn(outage, { revoked: true }), [false, false])
  assert.deepEqual(await goesOn(outage, { revoked: true, early: true }), [false, false])
  const refused = new AcmeProblemError('the CA refused the request', badKey)
  assert.deepEqual(await goesOn(refused, { revoked: false }), [false, false])
  const ended = new AppError('ERR_ORDER', 'the order is invalid', { cause: refused })
  assert.deepEqual(await goesOn(ended, { revoked: false }), [false, false])
})

test('what a run presented that is not continued is taken away, or else kept in mind', async () => {
  const other: CertificateSpec = { ...spec, keyType: 'rsa-2048' }
  const cleaned: unknown[] = []
  const gone = await openAgain(other, async ({ token }) => void cleaned.push(token))
  assert.deepEqual([cleaned, gone], [['token'], { presented: [], leftOvers: undefined }])
  const stuck = await openAgain(other, () => Promise.reject(new Error('not now')))
  assert.deepEqual(stuck, {
    presented: [],
    leftOvers: [{ solver: { name: 'test', options: {} }, provisions: [{ token: 'token' }] }],
  })
})
