import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseIdentifier } from '../../acme/identifier.ts'
import type { Solver } from '../../contracts/solver.ts'
import { fakeRuntime } from '../../testing/fake-runtime.ts'
import { generateKey, privateKeyPem } from '../../x509/key.ts'
import { type CertificateSpec, defaultSpecName } from '../spec.ts'
import { appendEntry, readRun, saveRunKey } from '../store/runs.ts'
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
  renew: { windows: [] },
  deploy: [],
  source: 'test',
}

test('what cannot be cleaned up stays in the journal beside what can', async () => {
  const runtime = fakeRuntime()
  const intent = { identifiers: spec.identifiers, keyType: spec.keyType, authority: 'ca' }
  let run = await appendEntry(state, spec.name, undefined, { kind: 'opened', intent }, runtime)
  for (const token of ['removable', 'stuck']) {
    run = await appendEntry(
      state,
      spec.name,
      run,
      { kind: 'presenting', solver: { name: 'test', options: {} }, provisions: [{ token }] },
      runtime,
    )
  }
  await saveRunKey(state, spec.name, privateKeyPem(await generateKey('ecdsa-p256')), runtime)
  const stuck = new Set<unknown>(['stuck'])
  const solver: Pick<Solver, 'cleanUp'> = {
    cleanUp: async ({ token }) => {
      if (stuck.has(token)) throw new Error('not now')
    },
  }
  const openAgain = async () => {
    const left = await readRun(state, spec.name, runtime)
    assert.ok(left)
    const view = { name: spec.name, generations: [], damaged: [], deployments: [], run: left }
    const solverFor = async () => solver as Solver // nothing else of it is used
    const { run } = await openRun(state, { spec, view, solverFor, onEvent: () => {} }, runtime)
    return run().presented.flatMap(({ provisions }) => provisions.map(({ token }) => token))
  }
  assert.deepEqual(await openAgain(), ['removable', 'stuck'])
  stuck.clear()
  assert.deepEqual(await openAgain(), [])
})
