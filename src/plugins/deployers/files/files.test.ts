import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseIdentifier } from '../../../acme/identifier.ts'
import { instant } from '../../../base/instant.ts'
import type { DeployableCertificate } from '../../../contracts/deployer.ts'
import type { FilesTarget } from '../../../contracts/files-target.ts'
import type { ExecOptions, ExecResult } from '../../../runtime/exec.ts'
import { fakeRuntime } from '../../../testing/fake-runtime.ts'
import { testAuthority } from '../../../testing/test-authority.ts'
import { encodePem } from '../../../x509/pem.ts'
import { createFilesDeployer } from './files.ts'

const { signal } = new AbortController()
const authority = await testAuthority(instant(Date.UTC(2030, 0, 1)))
const issued = await authority.issue([parseIdentifier('a.example')])
const parts = {
  'cert.pem': encodePem('CERTIFICATE', issued.leafDer),
  'chain.pem': encodePem('CERTIFICATE', issued.intermediateDer),
  'privkey.pem': issued.key,
}
const certificate: DeployableCertificate = {
  name: 'a.example',
  identifiers: [parseIdentifier('a.example')],
  liveDirectory: '/state/live/a.example',
  fingerprint: 'ab',
}
const directory = '/state/certificates/a.example/000001'

type Run = {
  readonly program: string
  readonly args: readonly string[]
  readonly options: ExecOptions | undefined
}

async function setUp(target: FilesTarget, { result = {} }: { readonly result?: Partial<ExecResult> } = {}) {
  const runs: Run[] = []
  const runtime = fakeRuntime(
    {
      exec: async (program: string, args: readonly string[], options?: ExecOptions) => {
        runs.push({ program, args, options })
        if (program === 'getent') {
          const known = args[1] === 'ldap-user'
          return {
            exitCode: known ? 0 : 2,
            stdout: known ? 'ldap-user:x:70000:70001::/:/x\n' : '',
            stderr: '',
          }
        }
        return { exitCode: 0, stdout: '', stderr: '', ...result }
      },
    },
    { variables: { SECRET: ' geheim\n' } },
  )
  for (const [name, text] of Object.entries(parts)) await runtime.files.put(`${directory}/${name}`, text)
  await runtime.files.put('/etc/passwd', 'root:x:0:0::/:/x\nmail:x:8:12::/:/x\n')
  await runtime.files.put('/etc/group', 'root:x:0:\nmail:x:12:\n')
  return { runtime, runs, deployer: createFilesDeployer(target, runtime) }
}

test('the usual five are written into a directory that need not be there', async () => {
  const { runtime, deployer } = await setUp({ directory: '/etc/mail-tls' })
  const prepared = await deployer.prepare?.(certificate, { directory, signal })
  assert.deepEqual(await runtime.files.list('/etc/mail-tls'), [])
  await prepared?.commit()
  await prepared?.keep()
  const { 'cert.pem': cert, 'chain.pem': chain, 'privkey.pem': key } = parts
  const found = await Promise.all(
    (await runtime.files.list('/etc/mail-tls')).map(async name => [
      name,
      (await runtime.files.facts(`/etc/mail-tls/${name}`))?.mode.toString(8),
      await runtime.files.text(`/etc/mail-tls/${name}`),
    ]),
  )
  assert.deepEqual(found, [
    ['cert.pem', '644', cert],
    ['chain.pem', '644', chain],
    ['combined.pem', '600', key + cert + chain],
    ['fullchain.pem', '644', cert + chain],
    ['privkey.pem', '600', key],
  ])
})

test('equal certificates and passwords make equal PKCS #12 files, which are not written again', async () => {
  const target: FilesTarget = {
    directory: '/etc/store',
    write: [{ path: 'store.p12', format: 'pkcs12', password: { env: 'SECRET' } }],
  }
  const { deployer } = await setUp(target)
  const first = await deployer.prepare?.(certificate, { directory, signal })
  assert.equal(first?.changes, true)
  await first?.commit()
  await first?.keep()
  assert.equal((await deployer.prepare?.(certificate, { directory, signal }))?.changes, false)
  const renamed = await deployer.prepare?.({ ...certificate, name: 'other' }, { directory, signal })
  assert.equal(renamed?.changes, true, 'the alias is the name of the certificate')
})

test('owners are found by name, here or in a directory service, and numbers are taken as they are', async () => {
  const { deployer, runs } = await setUp({
    directory: '/etc',
    owner: 'mail',
    group: 'mail',
    write: [
      { path: 'a', format: 'cert' },
      { path: 'b', format: 'cert', owner: 'ldap-user', group: 5 },
    ],
  })
  const prepared = await deployer.prepare?.(certificate, { directory, signal })
  assert.deepEqual(
    prepared?.copies.map(({ uid, gid }) => [uid, gid]),
    [
      [8, 12],
      [70_000, 5],
    ],
  )
  assert.deepEqual(
    runs.map(({ program, args }) => [program, ...args]),
    [['getent', 'passwd', 'ldap-user']],
  )
})

test('an unknown user stops everything before anything is written', async () => {
  const { runtime, deployer } = await setUp({ directory: '/etc/new', owner: 'none' })
  await assert.rejects(deployer.prepare?.(certificate, { directory, signal }) ?? Promise.resolve(), {
    code: 'ERR_DEPLOY',
    message: 'there is no user none',
  })
  assert.equal(await runtime.files.facts('/etc/new'), undefined)
})

test('a certificate whose key is elsewhere gets the files without it', async () => {
  const usual = await setUp({ directory: '/etc/tls' })
  assert.equal(usual.deployer.needsKey, false)
  await usual.runtime.files.remove(`${directory}/privkey.pem`)
  const elsewhere = { ...certificate, keyIsElsewhere: true }
  const prepared = await usual.deployer.prepare?.(elsewhere, { directory, signal })
  assert.deepEqual(
    prepared?.copies.map(({ path }) => path),
    ['/etc/tls/cert.pem', '/etc/tls/chain.pem', '/etc/tls/fullchain.pem'],
  )
  const named = await setUp({ write: [{ path: '/etc/k', format: 'key' }] })
  assert.equal(named.deployer.needsKey, true)
  const open = await setUp({ write: [{ path: '/etc/c', format: 'der-cert' }] })
  assert.equal(open.deployer.needsKey, false)
})

test('a generation without its files is not delivered', async () => {
  const { runtime, deployer } = await setUp({ directory: '/etc/tls' })
  await runtime.files.remove(`${directory}/chain.pem`)
  await assert.rejects(deployer.prepare?.(certificate, { directory, signal }) ?? Promise.resolve(), {
    code: 'ERR_DEPLOY',
    message: `cannot read ${directory}/chain.pem: it is not there`,
  })
})

const names = (...texts: readonly string[]) => ({ ...certificate, identifiers: texts.map(parseIdentifier) })
const askedNames: readonly (readonly [
  FilesTarget['server-name'],
  DeployableCertificate,
  string | undefined,
])[] = [
  ['given.example', certificate, 'given.example'],
  [undefined, names('192.0.2.1', '*.b.example', 'b.example'), 'b.example'],
  [undefined, names('*.b.example'), 'www.b.example'],
  [undefined, names('192.0.2.1'), undefined],
]
for (const [serverName, asked, expected] of askedNames) {
  const values = asked.identifiers.map(({ value }) => value).join(' ')
  test(`for ${values}, with ${serverName ?? 'no name'} configured, endpoints are asked for ${expected ?? 'none'}`, async () => {
    const target = { directory: '/d', endpoints: ['mail.example:993', '[::1]:25'], 'server-name': serverName }
    const inspection = await (await setUp(target)).deployer.inspect(asked, { signal })
    assert.equal(inspection.state, 'ready')
    const source = '/d/cert.pem'
    assert.deepEqual(inspection.state === 'ready' && inspection.endpoints, [
      { host: 'mail.example', port: 993, serverName: expected, source },
      { host: '::1', port: 25, serverName: expected, source },
    ])
  })
}

test('without endpoints it is said that nobody looks', async () => {
  const inspection = await (await setUp({ directory: '/d' })).deployer.inspect(certificate, { signal })
  assert.match(inspection.state === 'ready' ? inspection.notes.join() : '', /is not looked at/)
})

test('the reload is a program and its arguments, of root alone', async () => {
  const { deployer, runs } = await setUp({ directory: '/d', reload: ['/bin/x', 'a b', '$(c)'] })
  await deployer.activate({ signal })
  assert.equal(runs.length, 1)
  assert.deepEqual([runs[0]?.program, runs[0]?.args], ['/bin/x', ['a b', '$(c)']])
  assert.equal(runs[0]?.options?.trustedOnly, true)
  assert.equal(runs[0]?.options?.timeoutMs, 60_000)
  const none = await setUp({ directory: '/d' })
  await none.deployer.activate({ signal })
  assert.deepEqual(none.runs, [])
})

test('a reload that fails is told with its last words', async () => {
  const failing = async (result: Partial<ExecResult>) =>
    (await setUp({ directory: '/d', reload: ['/bin/x'] }, { result })).deployer.activate({ signal })
  await assert.rejects(failing({ exitCode: 3, stderr: 'no\u001b[2J such unit\n' }), {
    code: 'ERR_DEPLOY',
    message: '"/bin/x" ended with exit code 3: no\\u{1b}[2J such unit',
  })
  await assert.rejects(failing({ exitCode: undefined }), { message: '"/bin/x" was ended by a signal' })
})
