import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseIdentifier } from '../../acme/identifier.ts'
import { AppError } from '../../base/errors.ts'
import { dayMs, instant, minuteMs, plusMs } from '../../base/instant.ts'
import type { Deployer, Inspection } from '../../contracts/deployer.ts'
import type { ProbeTarget } from '../../runtime/network.ts'
import { fakeClock } from '../../testing/fake-clock.ts'
import { fakeRuntime } from '../../testing/fake-runtime.ts'
import { testAuthority } from '../../testing/test-authority.ts'
import { parseCertificate } from '../../x509/certificate.ts'
import { type CertificateSpec, defaultSpecName } from '../spec.ts'
import { readDeployments } from '../store/deployments.ts'
import { liveGeneration, saveGeneration, switchLive } from '../store/generations.ts'
import type { StoredCertificate } from '../store/stored-certificate.ts'
import { deployTogether } from './deploy.ts'

const state = '/state'
const now = instant(Date.UTC(2030, 0, 1))
const identifier = parseIdentifier('a.example')
const authority = await testAuthority(now)
const leaves = [
  (await authority.issue([identifier])).leafDer,
  (await authority.issue([identifier])).leafDer,
] as const

type Behaviour = {
  /** What an inspection finds; `ready` by default. */
  readonly inspect?: (isLive: boolean, isNew: boolean) => Inspection['state']
  readonly needsKey?: boolean
  readonly activate?: 'works' | 'fails' | 'has no effect' | 'is cancelled'
  /** Which leaf a handshake sees, by its number since the last activation. */
  readonly sees?: (handshake: number, loaded: number | undefined) => number | undefined
}

async function setUp(
  behaviours: readonly Behaviour[],
  { first = false, keyIsElsewhere = false, intermediate = [] as readonly Uint8Array[] } = {},
) {
  const clock = fakeClock({ now, autoAdvance: true })
  const loaded: (number | undefined)[] = behaviours.map(() => (first ? undefined : 0))
  let handshakes = 0
  const runtime = fakeRuntime({
    clock,
    probeTls: async ({ port }: ProbeTarget) => {
      const behaviour = behaviours[port]
      const index = behaviour?.sees === undefined ? loaded[port] : behaviour.sees(handshakes++, loaded[port])
      const leaf = index === undefined ? undefined : leaves[index]
      if (leaf === undefined) throw new AppError('ERR_NETWORK', 'connection refused')
      return { leaf, chain: [leaf], protocol: 'TLSv1.3' }
    },
  })
  const spec: CertificateSpec = {
    name: defaultSpecName(identifier),
    identifiers: [identifier],
    keyType: 'ecdsa-p256',
    reuseKey: false,
    authority: { id: 'ca', directory: 'https://ca.example' },
    fallbacks: [],
    solvers: [],
    renew: { windows: [] },
    deploy: behaviours.map((_, index) => ({ name: `web${index}`, options: {} })),
    source: 'test',
  }
  const save = async (index: 0 | 1): Promise<StoredCertificate> => {
    const { fingerprint, notBefore } = parseCertificate(leaves[index])
    const facts = {
      identifiers: [identifier],
      keyType: 'ecdsa-p256',
      authority: spec.authority,
      orderUrl: 'https://ca.example/1',
      issuer: 'CN=Test',
    } as const
    return saveGeneration(
      state,
      spec.name,
      {
        ...facts,
        serialNumber: '01',
        fingerprint,
        notBefore,
        notAfter: plusMs(notBefore, 2 * dayMs),
        chain: [leaves[index], ...intermediate],
        ...(!keyIsElsewhere && { privateKeyPem: 'key' }),
      },
      runtime,
    )
  }
  const old = first ? undefined : await save(0)
  if (old !== undefined) await switchLive(state, spec.name, old.generation, runtime)
  const next = await save(1)
  const activations: string[] = []
  const deployerFor = async ({ name }: { readonly name: string }): Promise<Deployer> => {
    const index = Number(name.slice(3))
    const behaviour = behaviours[index] ?? {}
    return {
      name,
      ...(behaviour.needsKey === true && { needsKey: true }),
      inspect: async () => {
        const live = await liveGeneration(state, spec.name, runtime)
        const found = behaviour.inspect?.(live !== undefined, live === next.generation) ?? 'ready'
        if (found === 'ready') {
          return {
            state: 'ready',
            endpoints: [{ host: '127.0.0.1', port: index, source: 'conf:1' }],
            notes: [],
          }
        }
        const codes = {
          broken: 'ERR_DEPLOY_BROKEN_BEFORE',
          'not-running': 'ERR_DEPLOY',
          unused: 'ERR_DEPLOY_UNUSED',
        } as const
        return { state: found, error: new AppError(codes[found], `${name} is ${found}`) }
      },
      activate: async ({ certificates = [], goingBack = false }) => {
        assert.deepEqual(
          certificates.map(({ fingerprint }) => fingerprint),
          [next.fingerprint],
        )
        activations.push(goingBack ? `${name} back` : name)
        if (behaviour.activate === 'fails') throw new AppError('ERR_DEPLOY', `${name} refuses`)
        if (behaviour.activate === 'is cancelled') throw new AppError('ERR_ABORTED', 'stopped')
        if (behaviour.activate === 'has no effect') return
        const live = await liveGeneration(state, spec.name, runtime)
        loaded[index] = live === next.generation ? 1 : 0
      },
    }
  }
  const start = clock.monotonic()
  const { signal } = new AbortController()
  const [targets = []] = await deployTogether(
    state,
    [{ spec, certificate: next, previous: old?.generation }],
    { deployerFor, onEvent: () => {}, signal },
    runtime,
  )
  return {
    codes: targets.map(({ error }) => error?.code),
    notes: targets.flatMap(({ notes }) => notes),
    live: (await liveGeneration(state, spec.name, runtime)) === next.generation ? 'new' : 'old',
    loaded,
    activations,
    waitedMs: clock.monotonic() - start,
    recorded: (await readDeployments(state, spec.name, runtime)).map(({ failure }) => failure?.code),
  }
}

test('a certificate that is seen is delivered', async () => {
  const { codes, live, loaded, recorded, waitedMs } = await setUp([{}])
  assert.deepEqual([codes, live, loaded, recorded], [[undefined], 'new', [1], [undefined]])
  assert.ok(waitedMs < 1_000)
})

test('a server that sends no intermediate is told of', async () => {
  const { intermediateDer } = await authority.issue([identifier])
  const { codes, notes } = await setUp([{}], { intermediate: [intermediateDer] })
  assert.deepEqual(codes, [undefined])
  assert.deepEqual(notes, ['127.0.0.1:0: no intermediate is sent; have the server read fullchain.pem'])
  assert.deepEqual((await setUp([{}])).notes, [], 'where there is one')
})

test('a reload without effect is found within a minute, and the old certificate is put back', async () => {
  const { codes, live, activations, recorded, waitedMs } = await setUp([{ activate: 'has no effect' }])
  assert.deepEqual([codes, live, recorded], [['ERR_NOT_SERVED'], 'old', ['ERR_NOT_SERVED']])
  assert.deepEqual(activations, ['web0', 'web0 back'], 'it is reloaded again with the old certificate')
  assert.ok(waitedMs >= minuteMs && waitedMs < 1.1 * minuteMs, `${waitedMs} ms`)
})

test('a server that answers with the old and the new certificate in turn does not count as changed over', async () => {
  const { codes, live } = await setUp([{ sees: handshake => handshake % 2 }])
  assert.deepEqual([codes, live], [['ERR_NOT_SERVED'], 'old'])
})

test('a server that changes over slowly is waited for', async () => {
  const { codes, live } = await setUp([{ sees: (handshake, loaded) => (handshake < 8 ? 0 : loaded) }])
  assert.deepEqual([codes, live], [[undefined], 'new'])
})

test('nothing that listens is not the new certificate', async () => {
  const { codes, live } = await setUp([{ sees: () => undefined }])
  assert.deepEqual([codes, live], [['ERR_NOT_SERVED'], 'old'])
})

test('a reload that is refused puts the old certificate back', async () => {
  const { codes, live, loaded } = await setUp([{ activate: 'fails' }])
  assert.deepEqual([codes, live, loaded], [['ERR_DEPLOY'], 'old', [0]])
})

test('a reload that is cancelled is no failure of the server', async () => {
  await assert.rejects(setUp([{ activate: 'is cancelled' }]), { code: 'ERR_ABORTED' })
})

test('when one of two servers fails, both serve the old certificate again', async () => {
  const { codes, live, loaded, recorded } = await setUp([{}, { activate: 'fails' }])
  assert.deepEqual([live, loaded, recorded], ['old', [0, 0], ['ERR_DEPLOY', 'ERR_DEPLOY']])
  assert.deepEqual(codes, ['ERR_DEPLOY', 'ERR_DEPLOY'])
})

test('what was not told of a first certificate, because another server failed, does not count as delivered', async () => {
  const { codes, recorded, activations } = await setUp([{ activate: 'fails' }, {}], { first: true })
  assert.deepEqual([codes, activations], [['ERR_DEPLOY', 'ERR_DEPLOY'], ['web0']])
  assert.deepEqual(recorded, ['ERR_DEPLOY', 'ERR_DEPLOY'])
})

test('beside a configuration that was broken before, nothing counts as delivered', async () => {
  const { codes, recorded, activations, live } = await setUp([{ inspect: () => 'broken' }, {}])
  assert.deepEqual([codes, activations, live], [['ERR_DEPLOY_BROKEN_BEFORE', 'ERR_DEPLOY'], [], 'old'])
  assert.deepEqual(recorded, ['ERR_DEPLOY_BROKEN_BEFORE', 'ERR_DEPLOY'])
})

test('a configuration that was broken before is not touched', async () => {
  const { codes, live, activations } = await setUp([{ inspect: () => 'broken' }, {}])
  assert.deepEqual([codes[0], live, activations], ['ERR_DEPLOY_BROKEN_BEFORE', 'old', []])
})

test('a configuration that was broken for want of the first certificate is delivered to', async () => {
  const { codes, live, activations } = await setUp([{ inspect: isLive => (isLive ? 'ready' : 'broken') }], {
    first: true,
  })
  assert.deepEqual([codes, live, activations], [[undefined], 'new', ['web0']])
})

for (const found of ['not-running', 'unused'] as const) {
  test(`a target that is ${found} is a failure, and the files are new all the same`, async () => {
    const { codes, live, activations } = await setUp([{ inspect: () => found }])
    assert.equal(codes.length, 1)
    assert.notEqual(codes[0], undefined)
    assert.deepEqual([live, activations], ['new', []])
  })
}

test('a target that reads the key is not given a certificate whose key is elsewhere; the others are', async () => {
  const { codes, live, activations } = await setUp([{ needsKey: true }, {}], { keyIsElsewhere: true })
  assert.deepEqual([codes, live, activations], [['ERR_DEPLOY', undefined], 'new', ['web1']])
  const ours = await setUp([{ needsKey: true }])
  assert.deepEqual([ours.codes, ours.activations], [[undefined], ['web0']])
})

test('a configuration that the new certificate for a new key mends is delivered to; one that it does not mend is not', async () => {
  const mended = await setUp([{ inspect: (_, isNew) => (isNew ? 'ready' : 'broken') }], {
    keyIsElsewhere: true,
  })
  assert.deepEqual([mended.codes, mended.live, mended.activations], [[undefined], 'new', ['web0']])
  const broken = await setUp([{ inspect: () => 'broken' }, {}], { keyIsElsewhere: true })
  assert.deepEqual(
    [broken.codes[0], broken.live, broken.activations],
    ['ERR_DEPLOY_BROKEN_BEFORE', 'old', []],
  )
})
