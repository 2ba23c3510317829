import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { dayMs, type Instant, instant, plusMs } from '../../base/instant.ts'
import { type CertificateView, generationBefore } from '../observe/observation.ts'
import { type CertificateSpec, defaultSpecName } from '../spec.ts'
import type { FailedAttempts } from '../store/attempts.ts'
import type { RenewalRecord } from '../store/renewals.ts'
import type { StoredCertificate } from '../store/stored-certificate.ts'
import type { Action, ReasonCode } from './action.ts'
import { basisOf } from './basis.ts'
import { nextWakeAt, planCertificate } from './plan.ts'
import { generationToReturnTo } from './return-to.ts'

const issued = instant(Date.parse('2026-11-01T00:00:00Z'))
const identifiers = [{ type: 'dns', value: 'a.example' }] as const
const name = defaultSpecName(identifiers[0])
const spec: CertificateSpec = {
  name,
  identifiers,
  keyType: 'ecdsa-p256',
  reuseKey: false,
  authority: { id: 'letsencrypt', directory: 'https://ca.example/directory' },
  fallbacks: [],
  solvers: [],
  renew: { windows: [] },
  deploy: [{ name: 'nginx', options: {} }],
  source: '/etc/certwright/certwright.yaml',
}
const stored: StoredCertificate = {
  generation: '000001-20261101T000000Z',
  identifiers,
  keyType: 'ecdsa-p256',
  authority: spec.authority,
  orderUrl: 'https://ca.example/order/1',
  issuer: 'CN=CA',
  serialNumber: '01',
  fingerprint: 'f'.repeat(64),
  notBefore: issued,
  notAfter: plusMs(issued, 90 * dayMs),
  storedAt: issued,
  files: { 'cert.pem': '', 'chain.pem': '', 'fullchain.pem': '', 'privkey.pem': '', 'combined.pem': '' },
}
/** Issued for a CSR. */
const csr = { der: Uint8Array.of(1), publicKeyHash: 'hash' }
const elsewhere: StoredCertificate = {
  ...stored,
  publicKeyHash: csr.publicKeyHash,
  files: { 'cert.pem': '', 'chain.pem': '', 'fullchain.pem': '' },
}
const delivered = {
  target: 'nginx',
  generation: stored.generation,
  at: issued,
  seenAt: ['a.example at 127.0.0.1:443'],
}
const view: CertificateView = {
  name,
  generations: [stored],
  damaged: [],
  live: stored,
  deployments: [delivered],
  attempts: {},
}
const run = {
  intent: { identifiers, keyType: 'ecdsa-p256', authority: 'letsencrypt' },
  openedAt: issued,
  presented: [],
  length: 1,
} as const
const failed: FailedAttempts = {
  basis: basisOf(spec),
  count: 2,
  since: issued,
  last: { at: issued, code: 'ERR_NETWORK', message: 'no answer' },
  retryAt: plusMs(issued, 70 * dayMs),
}
const refusedByCa: FailedAttempts = { ...failed, authorityRetryAt: failed.retryAt }
const advised = (selectedDay: number, explanationUrl?: string): RenewalRecord => ({
  fingerprint: stored.fingerprint,
  draw: 0,
  advice: {
    start: plusMs(issued, 30 * dayMs),
    end: plusMs(issued, 100 * dayMs),
    selectedAt: plusMs(issued, selectedDay * dayMs),
    ...(explanationUrl !== undefined && { explanationUrl }),
  },
  checkAgainAt: plusMs(issued, 100 * dayMs),
})
const endpoint = { host: '127.0.0.1', port: 443, serverName: 'a.example', source: 'nginx.conf:1' }
/** The first of November 2026 is a Sunday; all the days of these tests begin at midnight UTC. */
const mondays = { windows: [{ days: [1], fromMinute: 60, toMinute: 120 }] }

type Case = {
  readonly name: string
  readonly spec?: Partial<CertificateSpec>
  readonly view?: Partial<CertificateView>
  readonly days?: number
  readonly force?: boolean
  readonly eager?: boolean
  readonly expected: readonly [Action['kind'], ReasonCode]
}
const without = (part: 'live') =>
  Object.fromEntries(Object.entries(view).filter(([key]) => key !== part)) as Partial<CertificateView>
const cases: readonly Case[] = [
  {
    name: 'nothing stored',
    view: { generations: [], deployments: [] },
    expected: ['issue', 'no-certificate'],
  },
  { name: 'all as it should be', expected: ['none', 'up-to-date'] },
  {
    name: 'a rehearsal that was interrupted goes before all',
    view: { rehearsal: true, attempts: { issuance: refusedByCa } },
    days: 61,
    expected: ['deploy', 'rehearsal-left'],
  },
  {
    name: 'a rehearsal that could not be put back just now',
    view: { rehearsal: true, attempts: { delivery: failed } },
    expected: ['wait', 'retry-later'],
  },
  {
    name: 'a rehearsal that cannot be put back, and a certificate that is about to end',
    view: { rehearsal: true, attempts: { delivery: failed } },
    days: 87,
    expected: ['issue', 'safety-margin'],
  },
  {
    name: 'a rehearsal that was interrupted, and a renewal that is asked for',
    view: { rehearsal: true },
    force: true,
    expected: ['issue', 'forced'],
  },
  {
    name: 'a rehearsal that was interrupted, and nothing to put back',
    view: { rehearsal: true, generations: [], deployments: [] },
    expected: ['issue', 'no-certificate'],
  },
  { name: 'an hour before it is due', days: 60 - 1 / 24, expected: ['none', 'up-to-date'] },
  { name: 'the instant it is due', days: 60, expected: ['issue', 'renewal-due'] },
  { name: 'after it expired', days: 90, expected: ['issue', 'expired'] },
  { name: 'forced', force: true, expected: ['issue', 'forced'] },
  {
    name: 'another name wanted',
    spec: { identifiers: [...identifiers, { type: 'dns', value: 'b.example' }] },
    expected: ['issue', 'identifiers-differ'],
  },
  {
    name: 'a CSR with the key of the certificate',
    spec: { csr },
    view: { generations: [elsewhere], live: elsewhere },
    expected: ['none', 'up-to-date'],
  },
  {
    name: 'a CSR with another key',
    spec: { csr: { ...csr, publicKeyHash: 'other' } },
    view: { generations: [elsewhere], live: elsewhere },
    expected: ['issue', 'key-differs'],
  },
  { name: 'a CSR after a key of our own', spec: { csr }, expected: ['issue', 'key-differs'] },
  {
    name: 'a key of our own after a CSR',
    view: { generations: [elsewhere], live: elsewhere },
    expected: ['issue', 'key-differs'],
  },
  { name: 'another key wanted', spec: { keyType: 'rsa-2048' }, expected: ['issue', 'key-type-differs'] },
  {
    name: 'another authority wanted',
    spec: { authority: { id: 'zerossl', directory: 'https://z.example' } },
    expected: ['issue', 'authority-differs'],
  },
  {
    name: 'revoked',
    view: { generations: [{ ...stored, revokedAt: issued }] },
    expected: ['issue', 'revoked'],
  },
  {
    name: 'a cosmetic change of the source',
    spec: { source: '/elsewhere.yaml', reuseKey: true },
    expected: ['none', 'up-to-date'],
  },
  {
    name: 'the link leads elsewhere',
    view: { live: { ...stored, generation: 'older' } },
    expected: ['deploy', 'not-live'],
  },
  { name: 'never delivered', view: { deployments: [] }, expected: ['deploy', 'never-deployed'] },
  {
    name: 'an older generation delivered',
    view: { deployments: [{ ...delivered, generation: 'older' }] },
    expected: ['deploy', 'never-deployed'],
  },
  {
    name: 'delivery failed',
    view: { deployments: [{ ...delivered, failure: { code: 'ERR_NOT_SERVED', message: 'no' } }] },
    expected: ['deploy', 'deployment-failed'],
  },
  { name: 'a run was interrupted', view: { run }, expected: ['issue', 'unfinished-run'] },
  {
    name: 'a run after other names was interrupted',
    view: { run: { ...run, intent: { ...run.intent, identifiers: [{ type: 'dns', value: 'x.example' }] } } },
    expected: ['none', 'up-to-date'],
  },
  {
    name: 'due, and it failed before',
    view: { attempts: { issuance: failed } },
    days: 61,
    expected: ['wait', 'retry-later'],
  },
  {
    name: 'due, it failed before, and a person wants it now',
    view: { attempts: { issuance: failed } },
    days: 61,
    eager: true,
    expected: ['issue', 'renewal-due'],
  },
  {
    name: 'due, the CA asked to wait, and a person wants it now',
    view: { attempts: { issuance: refusedByCa } },
    days: 61,
    eager: true,
    expected: ['wait', 'retry-later'],
  },
  {
    name: 'due, and something else failed before',
    view: { attempts: { issuance: { ...refusedByCa, basis: 'other' } } },
    days: 61,
    expected: ['issue', 'renewal-due'],
  },
  {
    name: 'due, and the wait is over',
    view: { attempts: { issuance: refusedByCa } },
    days: 70,
    expected: ['issue', 'renewal-due'],
  },
  {
    name: 'forced before the wait is over',
    view: { attempts: { issuance: refusedByCa } },
    days: 61,
    force: true,
    expected: ['issue', 'renewal-due'],
  },
  {
    name: 'delivery failed, and its pause is not over',
    view: {
      deployments: [{ ...delivered, failure: { code: 'ERR_NOT_SERVED', message: 'no' } }],
      attempts: { delivery: failed },
    },
    expected: ['wait', 'retry-later'],
  },
  {
    name: 'the CA advises an earlier time',
    view: { renewal: advised(40) },
    days: 40,
    expected: ['issue', 'renewal-advised'],
  },
  {
    name: 'the CA advises a later time',
    view: { renewal: advised(75) },
    days: 70,
    expected: ['none', 'up-to-date'],
  },
  {
    name: 'the CA advises a time after the end',
    view: { renewal: advised(95) },
    days: 86,
    expected: ['issue', 'safety-margin'],
  },
  {
    name: 'the advice is about an earlier certificate',
    view: { renewal: { ...advised(40), fingerprint: 'other' } },
    days: 40,
    expected: ['none', 'up-to-date'],
  },
  {
    name: 'due on a Friday, and renewed on Mondays',
    spec: { renew: mondays },
    days: 61,
    expected: ['wait', 'outside-window'],
  },
  {
    name: 'due, and the window is open',
    spec: { renew: mondays },
    days: 64 + 1.5 / 24,
    expected: ['issue', 'renewal-due'],
  },
  {
    name: 'due outside the window, and a person wants it now',
    spec: { renew: mondays },
    days: 61,
    eager: true,
    expected: ['issue', 'renewal-due'],
  },
  {
    name: 'nearly at its end outside the window',
    spec: { renew: mondays },
    days: 87,
    expected: ['issue', 'safety-margin'],
  },
  {
    name: 'stored and not live outside the window',
    spec: { renew: mondays },
    view: { generations: [stored, { ...stored, generation: 'newer' }] },
    expected: ['wait', 'outside-window'],
  },
  {
    name: 'stored and not live outside the window, where what is live has ended',
    spec: { renew: mondays },
    view: {
      generations: [stored, { ...stored, generation: 'newer', notAfter: plusMs(issued, 180 * dayMs) }],
    },
    days: 91,
    expected: ['deploy', 'not-live'],
  },
  {
    name: 'nothing stored outside the window',
    spec: { renew: mondays },
    view: { generations: [], deployments: [] },
    expected: ['issue', 'no-certificate'],
  },
  {
    name: 'from a CA that is the second choice',
    spec: { authority: { id: 'zerossl', directory: 'https://z.example' }, fallbacks: [spec.authority] },
    expected: ['none', 'up-to-date'],
  },
  {
    name: 'an endpoint serves another certificate',
    view: { endpoints: [{ endpoint, fingerprint: 'other' }] },
    expected: ['deploy', 'endpoint-differs'],
  },
  {
    name: 'an endpoint serves it',
    view: { endpoints: [{ endpoint, fingerprint: stored.fingerprint }] },
    expected: ['none', 'up-to-date'],
  },
  {
    name: 'an endpoint does not answer',
    view: { endpoints: [{ endpoint, failure: 'connection refused' }] },
    expected: ['deploy', 'endpoint-silent'],
  },
]

for (const { name, spec: specChange, view: viewChange, days = 10, force, eager, expected } of cases) {
  test(`${name}: ${expected.join(', ')}`, () => {
    const now = plusMs(issued, days * dayMs)
    const action = planCertificate(
      { ...spec, ...specChange },
      { ...view, ...viewChange },
      { now, force: force ?? false, eager: eager ?? false, timeZone: 'UTC' },
    )
    assert.deepEqual([action.kind, action.reason.code], expected)
    assert.notEqual(action.reason.text, '')
  })
}

test('without a live link a stored certificate is delivered, not ordered again', () => {
  const action = planCertificate(
    spec,
    without('live') as CertificateView, // all its other members are there
    { now: plusMs(issued, dayMs) },
  )
  assert.deepEqual([action.kind, action.reason.code], ['deploy', 'not-live'])
})

test('a failed delivery returns to what is live, or to what was seen last', () => {
  const next = { ...stored, generation: '000002-20261201T000000Z' }
  const views = { generations: [stored, next], deployments: [delivered] }
  assert.equal(generationBefore(next.generation, { ...views, live: stored }), stored.generation)
  const failure = { code: 'ERR_NOT_SERVED', message: 'no' }
  const failedOnce = { ...delivered, generation: next.generation, failure }
  const generations = [stored, next]
  const before = (deployments: CertificateView['deployments']) =>
    generationBefore(next.generation, { generations, deployments, live: next })
  assert.equal(before([failedOnce]), stored.generation)
  assert.equal(before([{ ...failedOnce, goodAt: issued }]), undefined, 'it was good before it failed')
  assert.equal(generationBefore(next.generation, { ...views, live: next }), stored.generation)
  assert.equal(generationBefore(next.generation, { ...views, generations: [next], live: next }), undefined)
  assert.equal(generationBefore(next.generation, { generations: [next], deployments: [] }), undefined)
  // Nothing that servers could read is live: there is nothing to return to.
  assert.equal(generationBefore(next.generation, views), undefined)
})

test('a delivery that fails again returns to the generation before, one that was good before stays', () => {
  const next = { ...stored, generation: '000002-20261201T000000Z' }
  const failure = { code: 'ERR_NOT_SERVED', message: 'no' }
  const again = (deployment: object) =>
    generationBefore(next.generation, {
      generations: [stored, next],
      live: next,
      deployments: [{ ...delivered, generation: next.generation, ...deployment }],
    })
  assert.equal(again({ failure }), stored.generation)
  assert.equal(again({}), undefined)
})

test('a wait for the window ends before the margin is reached', () => {
  const late = { windows: [{ days: [0], fromMinute: 60, toMinute: 120 }] }
  const now = plusMs(issued, 85 * dayMs)
  const action = planCertificate({ ...spec, renew: late }, view, { now, timeZone: 'UTC' })
  assert.deepEqual([action.kind, action.reason.code], ['wait', 'outside-window'])
  assert.equal(action.kind === 'wait' && action.until, plusMs(issued, 85.5 * dayMs))
})

test('a plan is looked at again when the first thing happens', () => {
  const now = plusMs(issued, dayMs)
  const actionOf = (change: Partial<CertificateView>) =>
    planCertificate(spec, { ...view, ...change }, { now, timeZone: 'UTC' })
  const asked = plusMs(now, 3_600_000)
  assert.equal(nextWakeAt([], now), undefined)
  assert.equal(nextWakeAt([actionOf({})], now), plusMs(issued, 60 * dayMs))
  const advice = { ...advised(40), checkAgainAt: asked }
  const withId = { ...stored, certificateId: 'a.b' }
  const looked = actionOf({ generations: [withId], live: withId, renewal: advice })
  assert.equal(nextWakeAt([actionOf({}), looked], now), asked)
  assert.equal(nextWakeAt([looked, actionOf({ generations: [] })], now), now)
})

const arbitraryView: fc.Arbitrary<CertificateView> = fc
  .record({
    count: fc.nat(2),
    lifeDays: fc.integer({ min: 1, max: 398 }),
    live: fc.constantFrom('none', 'newest', 'older'),
    delivery: fc.constantFrom('none', 'good', 'failed', 'older'),
    failedIssuance: fc.boolean(),
    failedDelivery: fc.boolean(),
    selectedDay: fc.option(fc.integer({ min: -10, max: 400 })),
    served: fc.constantFrom('unasked', 'it', 'other', 'nothing'),
    interrupted: fc.boolean(),
    revoked: fc.boolean(),
  })
  .map(facts => {
    const generations = Array.from({ length: facts.count }, (_, index) => ({
      ...stored,
      generation: `00000${index + 1}`,
      notAfter: plusMs(issued, facts.lifeDays * dayMs),
      ...(facts.revoked && { revokedAt: issued }),
    }))
    const current = generations.at(-1)
    const live = facts.live === 'newest' ? current : facts.live === 'older' ? generations[0] : undefined
    const failure = { code: 'ERR_NOT_SERVED', message: 'no' }
    const generation = (facts.delivery === 'older' ? undefined : current?.generation) ?? 'older'
    return {
      name,
      generations,
      damaged: [],
      ...(live && { live }),
      ...(facts.interrupted && { run }),
      deployments:
        facts.delivery === 'none'
          ? []
          : [{ ...delivered, generation, ...(facts.delivery === 'failed' && { failure }) }],
      ...(facts.selectedDay !== null && { renewal: advised(facts.selectedDay) }),
      attempts: {
        ...(facts.failedIssuance && { issuance: failed }),
        ...(facts.failedDelivery && { delivery: failed }),
      },
      ...(facts.served !== 'unasked' && {
        endpoints: [
          facts.served === 'nothing'
            ? { endpoint, failure: 'refused' }
            : { endpoint, fingerprint: facts.served === 'it' ? stored.fingerprint : 'other' },
        ],
      }),
    }
  })
const arbitraryDay = fc.double({ min: 0, max: 400, noNaN: true })

test('a plan is the same when it is made twice, and has a reason', () => {
  fc.assert(
    fc.property(arbitraryView, arbitraryDay, (given, day) => {
      const options = { now: plusMs(issued, day * dayMs), timeZone: 'UTC' }
      const action = planCertificate(spec, given, options)
      assert.deepEqual(planCertificate(spec, given, options), action)
      assert.notEqual(action.reason.text, '')
      if (action.kind === 'wait') assert.ok(action.until > options.now)
      if (action.kind === 'none') assert.ok(action.wakeAt > options.now || action.renewAt > options.now)
    }),
  )
})

test('carrying out a plan empties it', () => {
  fc.assert(
    fc.property(arbitraryView, arbitraryDay, (given, day) => {
      const now = plusMs(issued, day * dayMs)
      let after = given
      for (let step = 0; step < 3; step += 1) {
        const action = planCertificate(spec, after, { now, timeZone: 'UTC' })
        if (action.kind === 'none') return
        if (action.kind === 'wait')
          after = { ...after, attempts: {} } // and the time passes
        else after = carriedOut(action, after, now)
      }
      assert.equal(planCertificate(spec, after, { now, timeZone: 'UTC' }).kind, 'none')
    }),
  )
})

test('nobody goes back to a certificate that has ended, is about to, or was revoked', () => {
  const next = { ...stored, generation: '000002-20261201T000000Z', notAfter: plusMs(issued, 200 * dayMs) }
  const after = (days: number, before: StoredCertificate = stored) =>
    generationToReturnTo(
      next.generation,
      { generations: [before, next], deployments: [delivered], live: before },
      plusMs(issued, days * dayMs),
    )
  assert.equal(after(60), stored.generation)
  assert.equal(after(86), undefined)
  assert.equal(after(91), undefined)
  assert.equal(after(60, { ...stored, revokedAt: issued }), undefined)
})

/** What the world looks like after an action. */
function carriedOut(action: Action, before: CertificateView, now: Instant): CertificateView {
  const { run: _, renewal: __, endpoints: ___, ...rest } = before
  const current = { ...stored, generation: '000009', notBefore: now, notAfter: plusMs(now, 90 * dayMs) }
  const certificate = action.kind === 'deploy' ? action.certificate : current
  return {
    ...rest,
    ...(action.kind === 'deploy' && before.renewal && { renewal: before.renewal }),
    generations: action.kind === 'deploy' ? before.generations : [...before.generations, current],
    live: certificate,
    deployments: [{ ...delivered, generation: certificate.generation }],
    attempts: {},
  }
}
