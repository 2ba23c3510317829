import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseIdentifier } from '../../acme/identifier.ts'
import { AppError, isAppError } from '../../base/errors.ts'
import type { Deployer } from '../../contracts/deployer.ts'
import type { Installer } from '../../contracts/installer.ts'
import { fakeRuntime } from '../../testing/fake-runtime.ts'
import { type CertificateSpec, defaultSpecName } from '../spec.ts'
import { type InstallRecord, readInstall } from '../store/installs.ts'
import { carryOut } from './carry-out.ts'
import type { PreparedInstall } from './prepare.ts'

const state = '/state'
const identifier = parseIdentifier('shop.example')
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
const record: InstallRecord = {
  ...{ phase: 'done', files: [], ownFiles: ['/etc/web/certwright/own'], ownDirectory: '/etc/web/certwright' },
  ...{ redirect: false, profile: 'intermediate', serverNames: [], httpsPort: 443, addedTarget: false },
}
const prepared: PreparedInstall = {
  changes: [
    { path: '/etc/web/site', before: 'old', after: 'new' },
    { path: '/etc/web/certwright/own', before: undefined, after: 'ours' },
  ],
  earlier: undefined,
  record,
  ownDirectory: '/etc/web/certwright',
  notes: [],
  warnings: ['known'],
}

type Behaviour = {
  /** How each activation ends, in order. */
  readonly activations?: readonly ('works' | 'fails')[]
  readonly warnings?: readonly string[]
}

async function setUp({ activations = [], warnings = ['known'] }: Behaviour = {}) {
  const runtime = fakeRuntime()
  const { files } = runtime
  await files.makeDirectory('/etc/web', 0o755)
  await files.writeNew('/etc/web/site', 'old', 0o640)
  const seen: string[] = []
  const outcomes = [...activations]
  const text = async (path: string) => new TextDecoder().decode(await files.read(path))
  const deployer: Deployer = {
    name: 'web',
    inspect: async () => assert.fail('nothing is to be shown'),
    activate: async () => {
      seen.push(await text('/etc/web/site'))
      if (outcomes.shift() === 'fails') throw new AppError('ERR_DEPLOY', 'it would not')
    },
  }
  const installer: Installer = {
    name: 'web',
    plan: async () => assert.fail('it is planned already'),
    warnings: async () => warnings,
  }
  const { signal } = new AbortController()
  const run = (given: PreparedInstall = prepared) =>
    carryOut(given, { state, spec, installer, deployer, onEvent: () => {}, signal }, runtime)
  const recorded = () => readInstall(state, { server: 'web', name: spec.name }, runtime)
  const facts = (path: string) => files.facts(path)
  return { run, seen, text, facts, files, recorded }
}

test('files are written with their modes, new ones first, and the record says what is to be', async () => {
  const { run, seen, text, facts, recorded } = await setUp()
  await run()
  assert.deepEqual(seen, ['new'])
  assert.equal(await text('/etc/web/certwright/own'), 'ours')
  assert.equal((await facts('/etc/web/site'))?.mode, 0o640)
  assert.deepEqual(await recorded(), record)
})

const failures = [
  {
    name: 'a reload that fails',
    behaviour: { activations: ['fails', 'works'] },
    seen: ['new', 'old'],
    says: /^it would not\nevery file is as it was before, and web was reloaded with that$/,
  },
  {
    name: 'a server that cannot be told at all',
    behaviour: { activations: ['fails', 'fails'] },
    seen: ['new', 'old'],
    says: /\nevery file is as it was before, but web could not be told so: it would not$/,
  },
  {
    name: 'a complaint that was not there before',
    behaviour: { warnings: ['known', 'conflicting name'] },
    seen: ['old'],
    says: /has a fault that the earlier one did not have: conflicting name\nevery file is as it was/,
  },
] as const satisfies readonly {
  readonly name: string
  readonly behaviour: Behaviour
  readonly seen: readonly string[]
  readonly says: RegExp
}[]

for (const { name, behaviour, seen: expected, says } of failures) {
  test(`${name}: everything goes back`, async () => {
    const { run, seen, text, facts, recorded } = await setUp(behaviour)
    await assert.rejects(run(), error => isAppError(error, 'ERR_DEPLOY') && says.test(error.message))
    assert.deepEqual(seen, expected)
    assert.equal(await text('/etc/web/site'), 'old')
    assert.equal((await facts('/etc/web/site'))?.mode, 0o640)
    assert.equal(await facts('/etc/web/certwright'), undefined, 'the directory that was made is gone')
    assert.equal(await recorded(), undefined)
  })
}

test('what was proven stays whole when the disk of the state fails afterwards, and the next run knows of it', async () => {
  const { run, text, seen, files, recorded } = await setUp()
  files.setFaults(({ operation, path }) =>
    seen.length > 0 && operation === 'replace' && path.startsWith(state) ? { code: 'ENOSPC' } : undefined,
  )
  await assert.rejects(run(), /web was changed and runs with that, but .* the next run does it$/)
  files.setFaults(undefined)
  assert.deepEqual([await text('/etc/web/site'), await text('/etc/web/certwright/own')], ['new', 'ours'])
  assert.equal((await recorded())?.phase, 'applying')
})

test('a file that somebody has changed meanwhile is not touched', async () => {
  const { run, seen, files, text } = await setUp()
  await files.replace('/etc/web/site', 'theirs', 0o640)
  await assert.rejects(run(), /\/etc\/web\/site was changed by somebody while this was shown/)
  assert.deepEqual([seen, await text('/etc/web/site')], [[], 'theirs'])
})

test('own files go after the server was told, and their directory with the last one', async () => {
  const { run, facts, recorded } = await setUp()
  await run()
  await run({
    ...prepared,
    changes: [
      { path: '/etc/web/site', before: 'new', after: 'old' },
      { path: '/etc/web/certwright/own', before: 'ours', after: undefined },
    ],
    earlier: record,
    record: undefined,
  })
  assert.equal(await facts('/etc/web/certwright'), undefined)
  assert.equal(await recorded(), undefined)
})
