import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseIdentifier } from '../../acme/identifier.ts'
import { parseUrl } from '../../acme/wire.ts'
import type { Solver } from '../../contracts/solver.ts'
import { fakeRuntime } from '../../testing/fake-runtime.ts'
import { generateKey, privateKeyPem } from '../../x509/key.ts'
import type { CertificateView } from '../observe/observation.ts'
import { type CertificateSpec, defaultSpecName } from '../spec.ts'
import { readLeftOvers } from '../store/left-overs.ts'
import { appendEntry, readRun, readRunKey, saveRunKey } from '../store/runs.ts'
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
