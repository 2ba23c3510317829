import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { tokenPattern } from '../../acme/challenge.ts'
import { parseIdentifier } from '../../acme/identifier.ts'
import { AppError } from '../../base/errors.ts'
import type { SelfCheckResult, Solver } from '../../contracts/solver.ts'
import { fakeRuntime } from '../../testing/fake-runtime.ts'
import { type CertificateSpec, defaultSpecName } from '../spec.ts'
import { readLeftOvers } from '../store/left-overs.ts'
import { takeLock } from '../store/locks.ts'
import { checkChallenges } from './check-challenges.ts'

const state = '/state'
const identifiers = ['a.test', 'b.test'].map(parseIdentifier)
const name = defaultSpecName(parseIdentifier('a.test'))
const { signal } = new AbortController()
const webroot = { name: 'webroot', options: {} }

function open(parts: Partial<Solver> = {}, rules: CertificateSpec['solvers'] = [webroot]) {
  const runtime = fakeRuntime({}, { autoAdvance: true })
  const placed = new Set<unknown>()
  const noted: unknown[] = []
  const events: string[] = []
  const solver: Solver = {
    ...{ name: 'webroot', type: 'http-01', refusal: () => undefined },
    provision: async ({ token }) => ({ token }),
    present: async ({ token }) => {
      noted.push(
        ...((await readLeftOvers(state, name, runtime)) ?? []).flatMap(({ provisions }) => provisions),
      )
      placed.add(token)
    },
    selfCheck: async () => ({ outcome: 'visible' }),
    cleanUp: async ({ token }) => void placed.delete(token),
    ...parts,
  }
  const spec = { name, identifiers, solvers: rules } as unknown as CertificateSpec // all that is looked at
  const options = {
    spec,
    solverFor: async () => solver,
    onEvent: ({ text }: { readonly text: string }) => void events.push(text),
    signal,
  }
  return { runtime, placed, noted, events, check: () => checkChallenges(state, options, runtime) }
}

describe('a challenge that nobody set', () => {
  it('is put in place, looked at and taken away; what may lie around is written down before', async () => {
    const { runtime, placed, noted, events, check } = open()
    assert.deepEqual(
      (await check()).map(({ outcome, text }) => `${outcome} ${text}`),
      identifiers.map(({ value }) => `ok ${value}: http-01 is seen as the CA will look for it`),
    )
    assert.equal(placed.size, 0)
    assert.ok(noted.length >= 2, 'what was presented was written down')
    for (const provision of noted as readonly { readonly token: string }[])
      assert.match(provision.token, tokenPattern)
    assert.equal(await readLeftOvers(state, name, runtime), undefined)
    assert.deepEqual(events, [])
  })

  const looks: readonly (readonly [SelfCheckResult, string])[] = [
    [{ outcome: 'unknown', text: 'no route' }, 'warning a.test: could not be looked at from here: no route'],
    [{ outcome: 'wrong', text: '404', hint: 'serve it' }, 'failed a.test: 404; serve it'],
  ]
  for (const [result, expected] of looks) {
    it(`is ${result.outcome}`, async () => {
      const { placed, check } = open({ selfCheck: async () => result })
      const [first] = await check()
      assert.equal(`${first?.outcome} ${first?.text}${first?.hint ? `; ${first.hint}` : ''}`, expected)
      assert.equal(placed.size, 0)
    })
  }

  it('is not looked at where that is switched off', async () => {
    const { runtime, placed } = open()
    const noCheck: Solver = {
      ...{ name: 'webroot', type: 'http-01', refusal: () => undefined },
      provision: async ({ token }) => ({ token }),
      present: async ({ token }) => void placed.add(token),
      cleanUp: async ({ token }) => void placed.delete(token),
    }
    const spec = { name, identifiers, solvers: [webroot] } as unknown as CertificateSpec
    const options = { spec, solverFor: async () => noCheck, onEvent: () => {}, signal }
    const findings = await checkChallenges(state, options, runtime)
    assert.deepEqual(
      findings.map(({ outcome }) => outcome),
      ['skipped', 'skipped'],
    )
    assert.equal(placed.size, 0)
  })

  it('that cannot be put in place is one failure for its names, and leaves nothing', async () => {
    const error = new AppError('ERR_WEBROOT', '/srv cannot be written', { hint: 'run as root' })
    const { runtime, placed, check } = open({ present: () => Promise.reject(error) })
    const found = {
      name: 'challenge',
      outcome: 'failed',
      text: 'a.test and 1 more: /srv cannot be written',
      hint: 'run as root',
    }
    assert.deepEqual(await check(), [found])
    assert.equal(placed.size, 0)
    assert.equal(await readLeftOvers(state, name, runtime), undefined)
  })

  it('that cannot be taken away stays written down', async () => {
    const { runtime, events, check } = open({ cleanUp: () => Promise.reject(new Error('it is stuck')) })
    assert.equal((await check()).length, 2)
    assert.equal((await readLeftOvers(state, name, runtime))?.[0]?.provisions.length, 2)
    assert.match(events.join(), /it is stuck/)
  })

  it('needs a solver for every name, and one that can do it', async () => {
    const [only] = identifiers
    assert.ok(only)
    const refusing: Partial<Solver> = {
      refusal: ({ value }) => (value === 'a.test' ? 'not this one' : undefined),
    }
    const { check } = open(refusing, [{ ...webroot, for: [only] }])
    assert.deepEqual(
      (await check()).map(({ outcome, text }) => `${outcome} ${text}`),
      ['failed a.test: not this one', 'failed nothing says how to prove control over b.test'],
    )
  })

  it('is left to whoever is at work on the certificate', async () => {
    const { runtime, placed, check } = open()
    await using _lock = await takeLock(
      state,
      `certificate-${name}`,
      { about: 'renew a.test', signal },
      runtime,
    )
    const [found] = await check()
    assert.equal(found?.outcome, 'skipped')
    assert.match(found.text, /renew a\.test/)
    assert.equal(placed.size, 0)
  })
})
