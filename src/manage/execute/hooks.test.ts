import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseIdentifier } from '../../acme/identifier.ts'
import { AppError } from '../../base/errors.ts'
import { instant } from '../../base/instant.ts'
import type { ExecOptions, ExecResult } from '../../runtime/exec.ts'
import { fakeRuntime } from '../../testing/fake-runtime.ts'
import { type CertificateSpec, defaultSpecName, type Hooks } from '../spec.ts'
import { readHooks } from '../store/hooks.ts'
import { hooksPath } from '../store/paths.ts'
import type { StoredCertificate } from '../store/stored-certificate.ts'
import { expectAfterHooks, runAfterHooks, runBeforeHooks } from './hooks.ts'

const state = '/state'
const identifiers = ['a.example', '*.b.example'].map(parseIdentifier)
const name = defaultSpecName(parseIdentifier('a.example'))
const certificate = {
  generation: '000001',
  fingerprint: 'ab12',
  notAfter: instant(Date.UTC(2030, 0, 1)),
} as StoredCertificate // what hooks are told of it

type Script = (program: string) => Partial<ExecResult>

function setUp(hooks: Partial<Hooks>, script: Script = () => ({})) {
  const ran: string[] = []
  const seen: (ExecOptions | undefined)[] = []
  const runtime = fakeRuntime({
    exec: async (program: string, args: readonly string[], options?: ExecOptions) => {
      ran.push([program, ...args].join(' '))
      seen.push(options)
      return { exitCode: 0, stdout: '', stderr: '', ...script(program) }
    },
  })
  const spec: CertificateSpec = {
    ...{ name, identifiers, keyType: 'ecdsa-p256', reuseKey: false, fallbacks: [], solvers: [], deploy: [] },
    authority: { id: 'ca', directory: 'https://ca.example' },
    renew: { windows: [] },
    source: 'test',
    hooks: { before: [], after: [], timeoutMs: 5_000, ...hooks },
  }
  const options = { spec, onEvent: () => {}, signal: new AbortController().signal }
  return {
    ran,
    seen,
    runtime,
    before: () => runBeforeHooks(state, options, runtime),
    expect: (one = certificate) => expectAfterHooks(state, { spec, certificate: one }, runtime),
    after: (one = certificate) => runAfterHooks(state, { ...options, certificate: one }, runtime),
    record: () => readHooks(state, name, runtime),
  }
}

test('hooks before an issuance are run in order, in a clean environment and with limits', async () => {
  const { before, ran, seen } = setUp({ before: [['/bin/one', 'a b'], ['two']] })
  await before()
  assert.deepEqual(ran, ['/bin/one a b', 'two'])
  assert.deepEqual(seen[0]?.env, {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    LANG: 'C.UTF-8',
    CERTWRIGHT_EVENT: 'before-issuance',
    CERTWRIGHT_NAME: 'a.example',
    CERTWRIGHT_IDENTIFIERS: 'a.example *.b.example',
    CERTWRIGHT_DIRECTORY: '/state/live/a.example',
  })
  assert.deepEqual([seen[0]?.trustedOnly, seen[0]?.timeoutMs], [true, 5_000])
})

test('hooks after a delivery are told of the certificate, also in the words of certbot', async () => {
  const { expect, after, seen } = setUp({ after: [['x']] })
  await expect()
  assert.equal(await after(), true)
  const env = seen[0]?.env ?? {}
  assert.deepEqual(
    Object.fromEntries(Object.entries(env).filter(([key]) => !['PATH', 'LANG'].includes(key))),
    {
      CERTWRIGHT_EVENT: 'after-delivery',
      CERTWRIGHT_NAME: 'a.example',
      CERTWRIGHT_IDENTIFIERS: 'a.example *.b.example',
      CERTWRIGHT_DIRECTORY: '/state/live/a.example',
      CERTWRIGHT_FINGERPRINT: 'ab12',
      CERTWRIGHT_NOT_AFTER: '2030-01-01T00:00:00Z',
      RENEWED_LINEAGE: '/state/live/a.example',
      RENEWED_DOMAINS: 'a.example *.b.example',
    },
  )
})

test('a hook that fails stops those after it, and is told with the end of its output', async () => {
  const lines = Array.from({ length: 9 }, (_, index) => `line ${index}`)
  const { before, ran } = setUp({ before: [['bad', 'x'], ['never']] }, () => ({
    exitCode: 7,
    stdout: 'not this',
    stderr: `${lines.join('\n')}\nlast \u001b[31mword\n\n`,
  }))
  await assert.rejects(before(), {
    code: 'ERR_HOOK',
    message: [
      'the hook "bad x" before the issuance of a.example ended with exit code 7',
      ...lines.slice(5),
      'last \\u{1b}[31mword',
    ].join('\n'),
    hint: 'the CA was not asked; mend the program, or take it out of hooks: before',
  })
  assert.deepEqual(ran, ['bad x'])
})

test('a hook that cannot be run is an error of the hook, and one that is cancelled is not', async () => {
  const failing = (error: AppError) => {
    const { before, runtime } = setUp({ before: [['x']] })
    Object.assign(runtime, { exec: async () => Promise.reject(error) })
    return before()
  }
  await assert.rejects(failing(new AppError('ERR_EXEC', 'x was ended: it took longer than 5.0 s')), {
    code: 'ERR_HOOK',
    message: 'the hook "x" before the issuance of a.example: x was ended: it took longer than 5.0 s',
  })
  await assert.rejects(failing(new AppError('ERR_ABORTED', 'stopped')), { code: 'ERR_ABORTED' })
})

test('each hook is run once for a generation', async () => {
  const { expect, after, ran, record } = setUp({ after: [['one'], ['two']] })
  assert.equal(await after(), false, 'no delivery was begun')
  await expect()
  await after()
  await expect()
  assert.equal(await after(), false)
  assert.deepEqual([ran, await record()], [['one', 'two'], { generation: '000001', done: 2 }])
  const next = { ...certificate, generation: '000002' }
  assert.equal(await after(next), false)
  await expect(next)
  await after(next)
  assert.deepEqual(ran, ['one', 'two', 'one', 'two'])
})

test('after a failure the first that failed is the next that is run', async () => {
  let works = false
  const { expect, after, ran } = setUp({ after: [['one'], ['two'], ['three']] }, program =>
    program === 'two' && !works ? { exitCode: 1 } : {},
  )
  await expect()
  await assert.rejects(after(), {
    code: 'ERR_HOOK',
    message: 'the hook "two" after the delivery of a.example ended with exit code 1',
  })
  works = true
  await expect()
  await after()
  assert.deepEqual(ran, ['one', 'two', 'two', 'three'])
})

test('a process that dies after a hook, before that is written down, lets it run again and no other', async () => {
  const { expect, after, ran, runtime } = setUp({ after: [['one'], ['two']] })
  await expect()
  let writes = 0
  runtime.files.setFaults(({ operation, path }) => {
    if (operation !== 'replace' || path !== hooksPath(state, name)) return undefined
    writes += 1
    return writes === 2 ? { code: 'EIO' } : undefined
  })
  await assert.rejects(after(), { code: 'ERR_STORE' })
  runtime.files.setFaults(undefined)
  await after()
  assert.deepEqual(ran, ['one', 'two', 'two'])
})

test('without hooks nothing is written', async () => {
  const { expect, after, before, record } = setUp({})
  await before()
  await expect()
  assert.equal(await after(), false)
  assert.equal(await record(), undefined)
})

test('a record that is damaged runs nothing, and the next delivery begins it anew', async () => {
  const { expect, after, ran, runtime } = setUp({ after: [['one']] })
  await runtime.files.put(hooksPath(state, name), 'not JSON')
  assert.equal(await after(), false)
  await expect()
  await after()
  assert.deepEqual(ran, ['one'])
})
