/** Deliveries to servers that read copies: what is written, what is put back, what is left alone. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseIdentifier } from '../../acme/identifier.ts'
import { AppError } from '../../base/errors.ts'
import { dayMs, instant, plusMs } from '../../base/instant.ts'
import type { FilesTarget } from '../../contracts/files-target.ts'
import { createFilesDeployer } from '../../plugins/deployers/files/files.ts'
import { fakeClock } from '../../testing/fake-clock.ts'
import { fakeExec } from '../../testing/fake-network.ts'
import { fakeRuntime } from '../../testing/fake-runtime.ts'
import { testAuthority } from '../../testing/test-authority.ts'
import { parseCertificate } from '../../x509/certificate.ts'
import { encodePem, parsePem } from '../../x509/pem.ts'
import { type CertificateSpec, defaultSpecName } from '../spec.ts'
import { readDeployments } from '../store/deployments.ts'
import { liveGeneration, saveGeneration } from '../store/generations.ts'
import type { StoredCertificate } from '../store/stored-certificate.ts'
import { deployTogether } from './deploy.ts'

const state = '/state'
const now = instant(Date.UTC(2030, 0, 1))
const identifier = parseIdentifier('a.example')
const authority = await testAuthority(now)
const issued = [await authority.issue([identifier]), await authority.issue([identifier])] as const

type Server = { loads: 'what lies there' | 'nothing new'; fails: boolean }

/** A machine with two generations and a server that reads /etc/tls/fullchain.pem when it is told to. */
async function setUp(targets: readonly FilesTarget[] = [{ directory: '/etc/tls' }]) {
  const clock = fakeClock({ now, autoAdvance: true })
  const server: Server = { loads: 'what lies there', fails: false }
  let loaded: Uint8Array | undefined
  let reloads = 0
  const runtime = fakeRuntime({
    clock,
    exec: fakeExec({
      reload: async () => {
        reloads += 1
        if (server.fails) return { exitCode: 1, stderr: 'the server does not run' }
        const content = await runtime.files.read('/etc/tls/fullchain.pem')
        if (server.loads === 'what lies there' && content !== undefined)
          loaded = parsePem(new TextDecoder().decode(content), 'CERTIFICATE')[0]
        return ''
      },
    }),
    probeTls: async () => {
      if (loaded === undefined) throw new AppError('ERR_NETWORK', 'connection refused')
      return { leaf: loaded, chain: [loaded], protocol: 'TLSv1.3' }
    },
  })
  await runtime.files.makeDirectory('/etc', 0o755)
  const spec: CertificateSpec = {
    name: defaultSpecName(identifier),
    identifiers: [identifier],
    keyType: 'ecdsa-p256',
    reuseKey: false,
    authority: { id: 'ca', directory: 'https://ca.example' },
    fallbacks: [],
    solvers: [],
    renew: { windows: [] },
    deploy: targets.map(target => ({
      name: 'files',
      options: { reload: ['reload'], endpoints: ['127.0.0.1:993'], ...target } as object as Record<
        string,
        string
      >,
    })),
    source: 'test',
  }
  const save = (index: 0 | 1): Promise<StoredCertificate> => {
    const { leafDer, intermediateDer, key } = issued[index]
    const { fingerprint, notBefore } = parseCertificate(leafDer)
    return saveGeneration(
      state,
      spec.name,
      {
        identifiers: [identifier],
        keyType: 'ecdsa-p256',
        authority: spec.authority,
        orderUrl: 'https://ca.example/1',
        issuer: 'CN=Test',
        serialNumber: '01',
        fingerprint,
        notBefore,
        notAfter: plusMs(notBefore, 2 * dayMs),
        chain: [leafDer, intermediateDer],
        privateKeyPem: key,
      },
      runtime,
    )
  }
  const generations = [await save(0), await save(1)] as const
  const deliver = async (
    index: 0 | 1,
    {
      signal = new AbortController().signal,
      knowing = false,
    }: { signal?: AbortSignal; knowing?: boolean } = {},
  ) => {
    const live = await liveGeneration(state, spec.name, runtime)
    const certificate = generations[index]
    const [results = []] = await deployTogether(
      state,
      [
        {
          spec,
          certificate,
          previous: live === certificate.generation ? undefined : live,
          ...(knowing && { earlier: await readDeployments(state, spec.name, runtime) }),
        },
      ],
      {
        deployerFor: async ({ options }) => createFilesDeployer(options, runtime),
        onEvent: () => {},
        signal,
      },
      runtime,
    )
    return results.map(({ error }) => error?.code ?? 'delivered')
  }
  const names = (index: 0 | 1) => encodePem('CERTIFICATE', issued[index].leafDer)
  return {
    runtime,
    spec,
    server,
    deliver,
    reloads: () => reloads,
    /** Which certificate lies in a file: 0 or 1, or the text itself. */
    copy: async (path = '/etc/tls/cert.pem') => {
      const content = await runtime.files.read(path)
      if (content === undefined) return 'none'
      const text = new TextDecoder().decode(content)
      return text === names(0) ? 0 : text === names(1) ? 1 : text
    },
    serves: () => [0, 1].find(index => issued[index]?.leafDer.toString() === loaded?.toString()),
    recorded: async () => readDeployments(state, spec.name, runtime),
    liveIndex: async () => {
      const live = await liveGeneration(state, spec.name, runtime)
      return generations.findIndex(({ generation }) => generation === live)
    },
  }
}

/** Everything below /etc, so that nothing of ours can be left behind unseen. */
const lies = async ({
  runtime,
}: {
  readonly runtime: { readonly files: { snapshot(): ReadonlyMap<string, string> } }
}) => [...runtime.files.snapshot().keys()].filter(path => path.startsWith('/etc/'))

const usual = ['cert', 'chain', 'combined', 'fullchain', 'privkey'].map(name => `/etc/tls/${name}.pem`)

test('copies are written, seen at the endpoints, and written down', async () => {
  const machine = await setUp()
  assert.deepEqual(await machine.deliver(0), ['delivered'])
  assert.deepEqual([await machine.copy(), machine.serves(), await machine.liveIndex()], [0, 0, 0])
  assert.deepEqual(await lies(machine), usual)
  const [deployment] = await machine.recorded()
  assert.deepEqual(deployment?.copies?.map(({ path }) => path).sort(), usual)
  assert.match(deployment?.copiedBy ?? '', /^[0-9a-f]{64}$/)
  assert.equal(deployment?.target, 'files (/etc/tls)')
})

test('a server that does not take the new files gets the old ones back', async () => {
  const machine = await setUp()
  await machine.deliver(0)
  machine.server.loads = 'nothing new'
  assert.deepEqual(await machine.deliver(1), ['ERR_NOT_SERVED'])
  assert.deepEqual([await machine.copy(), machine.serves(), await machine.liveIndex()], [0, 0, 0])
  assert.deepEqual(await lies(machine), usual)
  assert.equal(machine.reloads(), 3, 'it is told to read them again')
  assert.equal((await machine.recorded())[0]?.copies, undefined)
})

test('a reload that fails puts the old files back', async () => {
  const machine = await setUp()
  await machine.deliver(0)
  machine.server.fails = true
  assert.deepEqual(await machine.deliver(1), ['ERR_DEPLOY'])
  assert.deepEqual([await machine.copy(), await machine.liveIndex()], [0, 0])
})

test("files of somebody else's are put back when the first delivery fails", async () => {
  const machine = await setUp()
  await machine.runtime.files.put('/etc/tls/cert.pem', 'by hand', 0o640)
  machine.server.fails = true
  assert.deepEqual(await machine.deliver(0), ['ERR_DEPLOY'])
  assert.equal(await machine.copy(), 'by hand')
  assert.equal((await machine.runtime.files.facts('/etc/tls/cert.pem'))?.mode, 0o640)
  assert.deepEqual(await lies(machine), ['/etc/tls/cert.pem'])
})

test('a server that cannot start without files keeps its first ones, and gets them by and by', async () => {
  const machine = await setUp()
  machine.server.fails = true
  assert.deepEqual(await machine.deliver(0), ['ERR_DEPLOY'])
  assert.equal(await machine.copy(), 0)
  machine.server.fails = false
  assert.deepEqual(await machine.deliver(0, { knowing: true }), ['delivered'])
  assert.equal(machine.serves(), 0)
})

test('a target that has everything already is not disturbed, unless a person asks', async () => {
  const machine = await setUp()
  await machine.deliver(0)
  assert.deepEqual(await machine.deliver(0, { knowing: true }), ['delivered'])
  assert.equal(machine.reloads(), 1)
  assert.equal((await machine.recorded())[0]?.seenAt.length, 1, 'and it was looked at')
  assert.deepEqual(await machine.deliver(0), ['delivered'])
  assert.equal(machine.reloads(), 2)
})

test('a target whose copy was changed is written and reloaded again', async () => {
  const machine = await setUp()
  await machine.deliver(0)
  await machine.runtime.files.replace('/etc/tls/cert.pem', 'changed', 0o644)
  assert.deepEqual(await machine.deliver(0, { knowing: true }), ['delivered'])
  assert.deepEqual([await machine.copy(), machine.reloads()], [0, 2])
})

test('a server that lost the certificate is reloaded, though its copies are good', async () => {
  const machine = await setUp()
  await machine.deliver(1)
  machine.server.loads = 'nothing new'
  await machine.deliver(0)
  machine.server.loads = 'what lies there'
  assert.equal(await machine.copy(), 1, 'put back')
  assert.deepEqual(await machine.deliver(0, { knowing: true }), ['delivered'])
  assert.equal(machine.serves(), 0)
})

test('a target that cannot be written fails alone, before anything is switched', async () => {
  const machine = await setUp([{ directory: '/none/below' }, { directory: '/etc/tls' }])
  assert.deepEqual(await machine.deliver(0), ['ERR_DEPLOY', 'delivered'])
  assert.deepEqual([await machine.copy(), machine.serves()], [0, 0])
})

test('when one of two targets fails, the copies of both go back', async () => {
  const second = { directory: '/etc/other', endpoints: [] }
  const machine = await setUp([second, { directory: '/etc/tls' }])
  await machine.deliver(0)
  machine.server.loads = 'nothing new'
  assert.deepEqual(await machine.deliver(1), ['ERR_DEPLOY', 'ERR_NOT_SERVED'])
  assert.deepEqual([await machine.copy(), await machine.copy('/etc/other/cert.pem')], [0, 0])
})

test('two servers read the same files: both are given them, and both go back', async () => {
  const same = { directory: '/etc/tls' }
  const machine = await setUp([same, { ...same, write: [{ path: 'cert.pem', format: 'cert' as const }] }])
  assert.deepEqual(await machine.deliver(0), ['delivered', 'delivered'])
  assert.deepEqual(await machine.deliver(1), ['delivered', 'delivered'])
  machine.server.loads = 'nothing new'
  assert.deepEqual(await machine.deliver(0), ['ERR_NOT_SERVED', 'ERR_DEPLOY'])
  assert.equal(await machine.copy(), 1)
  assert.deepEqual(await lies(machine), usual)
})

test('a path that is to have two different files has neither of them', async () => {
  const machine = await setUp([{ directory: '/etc/tls' }, { directory: '/etc/tls', mode: '0644' }])
  assert.deepEqual(await machine.deliver(0), ['ERR_DEPLOY', 'ERR_DEPLOY'])
  assert.deepEqual([await lies(machine), machine.reloads()], [[], 0])
})

test('a delivery that is cancelled leaves nothing half done, and the next one knows the way back', async () => {
  const machine = await setUp()
  await machine.deliver(0)
  const stop = new AbortController()
  stop.abort(new AppError('ERR_ABORTED', 'stopped'))
  machine.server.loads = 'nothing new'
  await assert.rejects(machine.deliver(1, { signal: stop.signal }))
  assert.equal(await machine.liveIndex(), 1)
  assert.deepEqual(await machine.deliver(1), ['ERR_NOT_SERVED'])
  assert.equal(await machine.copy(), 0, 'what the cancelled one had replaced')
  assert.deepEqual(await lies(machine), usual)
})
