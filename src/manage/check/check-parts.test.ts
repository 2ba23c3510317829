/** The smaller checks: the machine, CAA records in DNS, servers, limits. */
import assert from 'node:assert/strict'
import { describe, it, test } from 'node:test'
import { parseIdentifier } from '../../acme/identifier.ts'
import { AppError } from '../../base/errors.ts'
import { dayMs, hourMs, plusMs } from '../../base/instant.ts'
import type { Deployer, Inspection } from '../../contracts/deployer.ts'
import type { CaaRecord } from '../../runtime/dns.ts'
import { fakeDns } from '../../testing/fake-network.ts'
import { fakeRuntime } from '../../testing/fake-runtime.ts'
import { failOperation } from '../../testing/faulty-files.ts'
import { createBudget } from '../limits/budget.ts'
import type { CertificateView } from '../observe/observation.ts'
import { type CertificateSpec, defaultSpecName } from '../spec.ts'
import { checkBudget } from './check-budget.ts'
import { checkCaa } from './check-caa.ts'
import { checkMachine, judgeRoom } from './check-machine.ts'
import { checkServers, judgeInspection } from './check-servers.ts'

const state = '/state'
const { signal } = new AbortController()
const identifiers = [parseIdentifier('a.test')]
const name = defaultSpecName(parseIdentifier('a.test'))
const view: CertificateView = { name, generations: [], damaged: [], deployments: [], attempts: {} }

describe('the state directory', () => {
  it('is made where it is missing, written to, and left as it was', async () => {
    const runtime = fakeRuntime()
    const [written, room] = await checkMachine(state, runtime)
    assert.deepEqual([written?.outcome, room?.outcome], ['ok', 'skipped'])
    assert.deepEqual(await runtime.files.list(state), [])
  })

  it('that others may look into is a warning', async () => {
    const runtime = fakeRuntime()
    await runtime.files.makeDirectory(state, 0o755)
    const [written] = await checkMachine(state, runtime)
    assert.equal(written?.outcome, 'warning')
    assert.match(written.text, /0755/)
  })

  it('that cannot be written is a failure with what to do', async () => {
    const runtime = fakeRuntime()
    runtime.files.setFaults(failOperation('writeNew', 'EROFS'))
    const [written] = await checkMachine(state, runtime)
    assert.equal(written?.outcome, 'failed')
    assert.match(written.hint ?? '', /mounted read-only/)
  })

  for (const [bytes, outcome] of [
    [undefined, 'skipped'],
    [2 ** 30, 'ok'],
    [50 * 2 ** 20, 'warning'],
    [2 ** 20, 'failed'],
  ] as const) {
    it(`with ${bytes} bytes free is ${outcome}`, () => assert.equal(judgeRoom(state, bytes).outcome, outcome))
  }
})

describe('CAA records', () => {
  const record = (value: string): CaaRecord => ({ flags: 0, tag: 'issue', value })
  const options = { authority: 'ca', identities: ['ca.test'], accountUrl: undefined, signal } as const
  const check = (identifier: string, sets: Readonly<Record<string, CaaRecord[] | AppError>>) => {
    const dns = fakeDns(question => (question.type === 'CAA' ? sets[question.name] : undefined))
    return checkCaa(parseIdentifier(identifier), { ...options, method: 'http-01', dns })
  }
  const cases = [
    { of: 'www.a.test', sets: {}, outcome: 'ok', text: /every CA may issue$/ },
    { of: 'www.a.test', sets: { 'a.test': [record('ca.test')] }, outcome: 'ok', text: /\(a\.test\)$/ },
    {
      of: 'www.a.test',
      sets: { 'www.a.test': [record('ca.test')], 'a.test': [record('other.test')] },
      outcome: 'ok',
      text: /\(www\.a\.test\)$/,
    },
    {
      of: 'a.test',
      sets: { test: [record('other.test')] },
      outcome: 'failed',
      text: /\(test\): only this is allowed/,
    },
    { of: '*.a.test', sets: { 'a.test': [record('other.test')] }, outcome: 'failed', text: /^\*\.a\.test/ },
    {
      of: 'a.test',
      sets: { 'a.test': [record('ca.test; accounturi=https://ca.test/1')] },
      outcome: 'warning',
      text: /there is none yet/,
    },
    {
      of: 'www.a.test',
      sets: { 'a.test': new AppError('ERR_NETWORK', 'SERVFAIL') },
      outcome: 'failed',
      text: /the CAA records of a\.test: SERVFAIL/,
    },
    { of: '192.0.2.1', sets: {}, outcome: 'skipped', text: /address/ },
  ]
  for (const { of, sets, outcome, text } of cases) {
    it(`of ${of} with ${JSON.stringify(sets)}: ${outcome}`, async () => {
      const found = await check(of, sets)
      assert.equal(found.outcome, outcome)
      assert.match(found.text, text)
    })
  }

  it('that allow others only want one more, and those that are wrong want to be changed', async () => {
    const others = await check('a.test', { 'a.test': [record('other.test')] })
    assert.equal(others.hint, 'add a record such as: a.test. CAA 0 issue "ca.test"')
    const wrong = await check('a.test', { 'a.test': [record('ca.test; validationmethods=dns-01')] })
    assert.equal(wrong.hint, 'change that record of a.test')
  })

  it('of somebody else are shown without their control characters', async () => {
    const found = await check('a.test', { 'a.test': [record('x\u001b[2J')] })
    assert.ok(!found.text.includes('\u001b'))
  })
})

describe('servers', () => {
  const error = new AppError('ERR_DEPLOY_BROKEN_BEFORE', 'no', { hint: 'repair it' })
  const ready: Inspection = {
    state: 'ready',
    endpoints: [{ host: '::1', port: 443, source: 'x:1' }],
    notes: ['cert.pem lacks the intermediates'],
  }
  const cases = [
    { inspection: ready, isFirst: false, expected: ['ok', 'warning'] },
    { inspection: { state: 'broken', error } as const, isFirst: false, expected: ['failed'] },
    { inspection: { state: 'broken', error } as const, isFirst: true, expected: ['warning'] },
    { inspection: { state: 'unused', error } as const, isFirst: true, expected: ['failed'] },
  ]
  for (const { inspection, isFirst, expected } of cases) {
    it(`that are ${inspection.state}${isFirst ? ' before there is a certificate' : ''}: ${expected.join()}`, () => {
      const findings = judgeInspection('nginx', inspection, { isFirst })
      assert.deepEqual(
        findings.map(({ outcome }) => outcome),
        expected,
      )
    })
  }

  it('are inspected without being touched, and none is none', async () => {
    const deployer: Deployer = {
      name: 'nginx',
      inspect: async () => ready,
      activate: () => assert.fail('it was touched'),
    }
    const spec = { name, identifiers, deploy: [{ name: 'nginx', options: {} }] } as unknown as CertificateSpec
    const options = { spec, view, deployerFor: async () => deployer, signal }
    assert.equal((await checkServers(state, options)).length, 2)
    const none = await checkServers(state, { ...options, spec: { ...spec, deploy: [] } })
    assert.deepEqual(
      none.map(({ outcome }) => outcome),
      ['skipped'],
    )
  })
})

test('limits: not known, with room, and spent until an instant', async () => {
  const runtime = fakeRuntime({}, { autoAdvance: true })
  const now = runtime.clock.now()
  const authority = {
    ...{ id: 'ca', directory: 'https://ca.test/dir' },
    limits: { 'new-orders': { capacity: 1, refillMs: hourMs } },
  }
  const spec = { name, identifiers, authority } as unknown as CertificateSpec // all that is looked at
  const check = (of = spec) => checkBudget(state, of, view, { now }, runtime)
  const unknown = { ...spec, authority: { id: 'ca', directory: 'https://ca.test/dir' } }
  assert.equal((await check(unknown)).outcome, 'skipped')
  assert.equal((await check()).outcome, 'ok')
  const budget = createBudget(authority, { state, onWarning: () => {}, signal }, runtime)
  await budget.claim(identifiers, [])
  const spent = await check()
  assert.equal(spent.outcome, 'warning')
  assert.match(spent.text, /must wait until 2030-01-01T01:0\d:/)
  const later = await checkBudget(state, spec, view, { now: plusMs(now, dayMs) }, runtime)
  assert.equal(later.outcome, 'ok')
})
