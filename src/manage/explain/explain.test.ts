import assert from 'node:assert/strict'
import { describe, it, test } from 'node:test'
import { parseIdentifier } from '../../acme/identifier.ts'
import { dayMs, hourMs, instant, plusMs } from '../../base/instant.ts'
import type { CertificateView } from '../observe/observation.ts'
import type { Action } from '../plan/action.ts'
import { planCertificate } from '../plan/plan.ts'
import { type CertificateSpec, parseSpecName } from '../spec.ts'
import type { FailedAttempts } from '../store/attempts.ts'
import type { HistoryEntry } from '../store/history.ts'
import type { StoredCertificate } from '../store/stored-certificate.ts'
import { explainCertificate } from './explain.ts'
import type { TimelineFacts } from './timeline.ts'

const start = instant(Date.UTC(2030, 0, 1))
const day = (count: number) => plusMs(start, count * dayMs)
const name = parseSpecName('a.test') ?? assert.fail()
const identifiers = [parseIdentifier('a.test')]
const authority = { id: 'ca', directory: 'https://ca.test/' }
const spec: CertificateSpec = {
  ...{ name, identifiers, authority, keyType: 'ecdsa-p256', reuseKey: false, fallbacks: [], solvers: [] },
  ...{ renew: { windows: [] }, deploy: [], source: '/c.yaml' },
}
// Of the files only their presence counts.
const certificate = {
  ...{ identifiers, authority, keyType: 'ecdsa-p256', orderUrl: 'https://ca.test/o/1', issuer: 'CN=Test' },
  ...{ serialNumber: '01', fingerprint: 'ab', certificateId: 'a.b', files: { 'privkey.pem': '00' } },
  ...{ notBefore: start, notAfter: day(90), generation: '000001-x', storedAt: start },
} as unknown as StoredCertificate
const view: CertificateView = {
  ...{ name, generations: [certificate], damaged: [], live: certificate, deployments: [], attempts: {} },
  renewal: { fingerprint: 'ab', draw: 0 },
}
const failed: FailedAttempts = {
  ...{ basis: '-', count: 3, since: day(60), retryAt: day(62) },
  last: { at: day(61), code: 'ERR_TIMEOUT', message: 'ca.test did not answer', hint: 'ask it' },
}

function explained(facts: Partial<TimelineFacts>, now = day(10)) {
  const all = { spec, view, history: [], sights: [], timeZone: 'UTC', action: undefined, ...facts }
  return explainCertificate(all, now)
}
const planned = (given: CertificateView, now = day(10), of = spec): Action =>
  planCertificate(of, given, { now, timeZone: 'UTC' })

describe('the past', () => {
  const issued: HistoryEntry = { at: start, kind: 'issued', text: 'by ca', generation: '000001-x' }
  const told: HistoryEntry = {
    ...{ at: day(60), kind: 'failed', text: 'ca.test did not answer', code: 'ERR_TIMEOUT' },
    ...{ count: 2, lastAt: day(61) },
  }
  const deployment = { target: 'nginx', generation: '000001-x', at: day(1), seenAt: ['a.test at [::1]:443'] }
  const cases: readonly {
    readonly name: string
    readonly history: readonly HistoryEntry[]
    readonly view?: Partial<CertificateView>
    readonly expected: readonly string[]
  }[] = [
    {
      name: 'is the history',
      history: [issued, told],
      expected: ['issued by ca', 'failed ca.test did not answer'],
    },
    {
      name: 'is in the order of time, however it was written down',
      history: [told, issued],
      expected: ['issued by ca', 'failed ca.test did not answer'],
    },
    {
      name: 'knows of a certificate that the history does not know',
      history: [],
      expected: ['issued issued by ca for a.test, until 2030-04-01T00:00:00Z'],
    },
    {
      name: 'knows of a delivery that the history does not know',
      history: [issued],
      view: { deployments: [deployment] },
      expected: ['issued by ca', 'deployed delivered to nginx, seen at a.test at [::1]:443'],
    },
    {
      name: 'does not tell a delivery twice',
      history: [issued, { ...issued, at: day(1), kind: 'deployed', text: 'to nginx' }],
      view: { deployments: [deployment] },
      expected: ['issued by ca', 'deployed to nginx'],
    },
    {
      name: 'knows of failures that the history does not know',
      history: [issued],
      view: { attempts: { issuance: failed } },
      expected: ['issued by ca', 'failed ca.test did not answer'],
    },
    {
      name: 'does not tell failures twice',
      history: [issued, told],
      view: { attempts: { issuance: failed } },
      expected: ['issued by ca', 'failed ca.test did not answer'],
    },
    {
      name: 'has a later failure beside an earlier one of the same kind',
      history: [issued, { ...told, count: 2, lastAt: day(60) }],
      view: { attempts: { issuance: failed } },
      expected: ['issued by ca', 'failed ca.test did not answer', 'failed ca.test did not answer'],
    },
    {
      name: 'knows of a revocation',
      history: [issued],
      view: { generations: [{ ...certificate, revokedAt: day(5) }] },
      expected: ['issued by ca', 'revoked revoked'],
    },
  ]
  for (const { name: what, history, view: own, expected } of cases) {
    it(what, () => {
      const { past } = explained({ history, view: { ...view, ...own } })
      assert.deepEqual(
        past.map(({ kind, text }) => `${kind} ${text}`),
        expected,
      )
    })
  }

  it('counts what failed, with the CA’s words and what to do', () => {
    const { past } = explained({ history: [issued], view: { ...view, attempts: { issuance: failed } } })
    const entry = { at: day(60), kind: 'failed', text: 'ca.test did not answer', hint: 'ask it' }
    assert.deepEqual(past.at(-1), { ...entry, count: 3, lastAt: day(61) })
  })
})

describe('the future', () => {
  const days = (facts: Partial<TimelineFacts>, now = day(10)) =>
    explained(facts, now).future.map(({ at, kind }) => `${kind} ${(at - start) / dayMs}`)

  it('by the lifetime: renewal, margin, end', () => {
    assert.deepEqual(days({}), ['renewal 60', 'safety-margin 85.5', 'expiry 90'])
  })

  const advice = { start: day(50), end: day(52), selectedAt: day(51) }
  const advised = { ...view, renewal: { fingerprint: 'ab', draw: 0, advice, checkAgainAt: day(11) } }

  it('as the CA advises: the next question, the window, the instant that was chosen', () => {
    assert.deepEqual(days({ view: advised }), [
      ...['advice-check 11', 'window-opens 50', 'renewal 51', 'window-closes 52'],
      ...['safety-margin 85.5', 'expiry 90'],
    ])
  })

  it('forgets what has passed, and advice about an earlier certificate', () => {
    assert.deepEqual(days({ view: advised }, day(51.5)), [
      'window-closes 52',
      'safety-margin 85.5',
      'expiry 90',
    ])
    const other = { ...advised, renewal: { ...advised.renewal, fingerprint: 'cd' } }
    assert.deepEqual(days({ view: other }), ['renewal 60', 'safety-margin 85.5', 'expiry 90'])
  })

  it('names the maintenance window in which the renewal will fall', () => {
    const nightly = {
      ...spec,
      renew: { windows: [{ days: [0, 1, 2, 3, 4, 5, 6], fromMinute: 180, toMinute: 240 }] },
    }
    const { future } = explained({ spec: nightly })
    const opens = /the maintenance window opens at 2030-03-02T03:00:00Z/
    assert.match(future.find(({ kind }) => kind === 'renewal')?.text ?? '', opens)
  })

  it('tells the next attempt', () => {
    const waiting: Action = { kind: 'wait', spec, until: day(62), reason: { code: 'retry-later', text: '' } }
    assert.deepEqual(days({ action: waiting }, day(61)), ['attempt 62', 'safety-margin 85.5', 'expiry 90'])
  })

  it('has no renewal for what is revoked or not configured, and nothing without a certificate', () => {
    const revoked = { ...view, generations: [{ ...certificate, revokedAt: day(5) }] }
    assert.deepEqual(days({ view: revoked }), ['expiry 90'])
    assert.deepEqual(days({ spec: undefined }), ['expiry 90'])
    assert.deepEqual(days({ view: { ...view, generations: [] } }), [])
  })
})

const nextSteps = [
  { name: 'what is in order is renewed', action: planned(view), text: 'it is renewed', at: day(60) },
  { name: 'what is due is renewed now', action: planned(view, day(61)), text: 'it is renewed' },
  {
    name: 'what is missing is obtained',
    action: planned({ ...view, generations: [] }),
    text: 'it is obtained',
  },
  {
    name: 'what is not live is delivered',
    action: planned({ name, generations: [certificate], damaged: [], deployments: [], attempts: {} }),
    text: 'it is delivered',
  },
  {
    name: 'what failed is tried again',
    action: { kind: 'wait', spec, until: plusMs(start, hourMs), reason: { code: 'retry-later', text: '' } },
    text: 'it is tried again',
    at: plusMs(start, hourMs),
  },
] as const
for (const { name: what, action, ...expected } of nextSteps) {
  test(what, () => assert.deepEqual(explained({ action }).next, expected))
}

test('nobody renews what is not configured', () => {
  assert.match(explained({ spec: undefined }).next.text, /no configuration file/)
})
