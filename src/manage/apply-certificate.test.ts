import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseIdentifier } from '../acme/identifier.ts'
import { AppError } from '../base/errors.ts'
import { dayMs, instant, minuteMs, plusMs } from '../base/instant.ts'
import type { ProbeTarget } from '../runtime/network.ts'
import { fakeClock } from '../testing/fake-clock.ts'
import { fakeRuntime } from '../testing/fake-runtime.ts'
import { testAuthority } from '../testing/test-authority.ts'
import { parseCertificate } from '../x509/certificate.ts'
import { applyTogether, type Workshop } from './apply-certificate.ts'
import { defineCertificate } from './define.ts'
import { createDelivering } from './delivering.ts'
import { newest } from './observe/observation.ts'
import { observeCertificate } from './observe/observe.ts'
import { makePair } from './pair.ts'
import { planCertificate } from './plan/plan.ts'
import type { CertificateSpec } from './spec.ts'
import { readAttempts } from './store/attempts.ts'
import { readDeployments } from './store/deployments.ts'
import { saveGeneration, switchLive } from './store/generations.ts'
import { readHooks } from './store/hooks.ts'

const state = '/state'
const now = instant(Date.UTC(2030, 0, 1))
const identifiers = [parseIdentifier('a.example')]
const ca = await testAuthority(now)
const [ecdsa, rsa] =
  makePair(
    defineCertificate({
      identifiers: ['a.example'],
      authority: { id: 'ca', directory: 'https://ca.example' },
      deploy: [{ name: 'web', options: {} }],
      hooks: { before: [], after: [['/usr/bin/tell']], timeoutMs: minuteMs },
    }),
    { ecdsa: 'ecdsa-p256', rsa: 'rsa-2048' },
  ) ?? assert.fail()

type Given = {
  /** Generations that are stored, the last one of which is to be delivered. */
  readonly ecdsa: number
  readonly rsa: number
  /** Whether the server shows what it is given of this kind. */
  readonly shows?: (kind: 'ecdsa' | 'rsa') => boolean
  /** What is to be issued although it is not due. */
  readonly forced?: CertificateSpec
}

/** The pair on a machine whose CA is away; the generation before the last is live and was delivered. */
async function applyPair(given: Given) {
  const clock = fakeClock({ now, autoAdvance: true })
  const leaves = new Map<string, Uint8Array>()
  const runtime = fakeRuntime({
    clock,
    exec: async () => ({ exitCode: 0, stdout: '', stderr: '' }),
    probeTls: async ({ keyKind }: ProbeTarget) => {
      assert.ok(keyKind !== undefined, 'a server with two certificates is asked for each of them')
      const name = keyKind === 'rsa' ? rsa.name : ecdsa.name
      const shown = given.shows?.(keyKind) === false ? 1 : undefined
      const { live } = await observeCertificate(state, name, runtime)
      const leaf = leaves.get(`${name} ${shown ?? Number.parseInt(live?.generation ?? '0', 10)}`)
      if (leaf === undefined) throw new AppError('ERR_NETWORK', 'no handshake')
      return { leaf, chain: [leaf], protocol: 'TLSv1.3' }
    },
  })
  const store = async (spec: CertificateSpec, count: number) => {
    for (let index = 1; index <= count; index++) {
      const { leafDer: leaf } = await ca.issue(identifiers, { keyType: spec.keyType })
      leaves.set(`${spec.name} ${index}`, leaf)
      const { fingerprint, notBefore } = parseCertificate(leaf)
      const { generation } = await saveGeneration(
        state,
        spec.name,
        {
          ...{ identifiers, keyType: spec.keyType, authority: spec.authority, fingerprint, notBefore },
          ...{
            orderUrl: 'https://ca.example/1',
            issuer: 'CN=Test',
            serialNumber: '01',
            privateKeyPem: 'key',
          },
          ...{ notAfter: plusMs(notBefore, 90 * dayMs), chain: [leaf] },
        },
        runtime,
      )
      if (index === 1) await switchLive(state, spec.name, generation, runtime)
    }
  }
  await store(ecdsa, given.ecdsa)
  await store(rsa, given.rsa)
  let activations = 0
  const deployerFor: Workshop['deployerFor'] = async ({ name }) => ({
    name,
    inspect: async () => ({
      state: 'ready',
      endpoints: [{ host: '127.0.0.1', port: 443, source: 'conf:1' }],
      notes: [],
    }),
    activate: async () => void activations++,
  })
  const onEvent = () => {}
  const workshop: Partial<Workshop> = {
    ...{ state, onEvent, deployerFor, ...createDelivering(state, { onEvent, deployerFor }, runtime) },
    clientFor: () => Promise.reject(new AppError('ERR_NETWORK', 'the CA is away')),
    issuing: (_authority, _signal, work) => work(),
  }
  const { signal } = new AbortController()
  const jobs = await Promise.all(
    [ecdsa, rsa].map(async spec => {
      const observe = () => observeCertificate(state, spec.name, runtime)
      const plan = (view: Awaited<ReturnType<typeof observe>>) =>
        planCertificate(spec, view, { now, force: given.forced === spec })
      const settle = async () => ({ renewAt: now })
      return { first: plan(await observe()), outlook: { observe, plan, settle, signal } }
    }),
  )
  const results = await applyTogether(jobs, workshop as Workshop, runtime) // nothing else of it is used
  const liveOf = async ({ name }: CertificateSpec) => {
    const view = await observeCertificate(state, name, runtime)
    return view.live === undefined ? 'none' : view.live === newest(view) ? 'new' : 'old'
  }
  return {
    results: results.map(({ outcome, error }) =>
      error === undefined ? outcome : `${outcome}, ${error.code}`,
    ),
    errors: results.map(({ error }) => error?.message),
    live: [await liveOf(ecdsa), await liveOf(rsa)],
    activations,
    /** The generation that hooks were run for; 0 for none. */
    hooksFor: await Promise.all(
      [ecdsa, rsa].map(async ({ name }) =>
        Number.parseInt((await readHooks(state, name, runtime))?.generation ?? '0', 10),
      ),
    ),
    counted: await Promise.all(
      [ecdsa, rsa].map(async ({ name }) => Object.keys(await readAttempts(state, name, runtime)).join()),
    ),
    seen: await Promise.all(
      [ecdsa, rsa].map(async ({ name }) =>
        (await readDeployments(state, name, runtime)).flatMap(({ endpoints = [] }) =>
          endpoints.map(({ keyKind }) => keyKind),
        ),
      ),
    ),
  }
}

test('both are delivered by one activation, and each is looked for by its kind of key', async () => {
  assert.deepEqual(await applyPair({ ecdsa: 2, rsa: 2 }), {
    results: ['deployed', 'deployed'],
    errors: [undefined, undefined],
    live: ['new', 'new'],
    activations: 1,
    hooksFor: [2, 2],
    counted: ['', ''],
    seen: [['ecdsa'], ['rsa']],
  })
})

for (const kind of ['ecdsa', 'rsa'] as const) {
  test(`when the server does not show the ${kind} certificate, both go back`, async () => {
    const { results, live, counted, activations } = await applyPair({
      ecdsa: 2,
      rsa: 2,
      shows: one => one !== kind,
    })
    const codes = kind === 'ecdsa' ? ['ERR_NOT_SERVED', 'ERR_DEPLOY'] : ['ERR_DEPLOY', 'ERR_NOT_SERVED']
    assert.deepEqual(
      results,
      codes.map(code => `failed, ${code}`),
    )
    assert.deepEqual([live, counted, activations], [['old', 'old'], ['delivery', 'delivery'], 2])
  })
}

test('the first of two is not delivered before the other one is there, and that is not counted as its failure', async () => {
  const { results, errors, counted, activations } = await applyPair({ ecdsa: 2, rsa: 0 })
  assert.deepEqual(results, ['failed, ERR_DEPLOY', 'failed, ERR_NETWORK'])
  assert.match(errors[0] ?? '', /delivered together with a\.example-rsa, which is not there yet/)
  assert.deepEqual([counted, activations], [['', 'issuance'], 0])
})

test('when the CA cannot renew one of them, the other is delivered beside the one that is there', async () => {
  const { results, live, activations, hooksFor } = await applyPair({ ecdsa: 2, rsa: 1, forced: rsa })
  assert.deepEqual(results, ['deployed', 'failed, ERR_NETWORK'])
  assert.deepEqual([live, activations], [['new', 'new'], 1])
  assert.deepEqual(hooksFor, [2, 0], 'hooks follow only what is new')
})
