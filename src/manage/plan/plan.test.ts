import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dayMs, instant, plusMs } from '../../base/instant.ts'
import { type CertificateView, generationBefore } from '../observe/observation.ts'
import { type CertificateSpec, defaultSpecName } from '../spec.ts'
import type { StoredCertificate } from '../store/stored-certificate.ts'
import type { Action, ReasonCode } from './action.ts'
import { planCertificate } from './plan.ts'

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
}
const run = {
  intent: { identifiers, keyType: 'ecdsa-p256', authority: 'letsencrypt' },
  openedAt: issued,
  presented: [],
  length: 1,
} as const
const failure = {
  at: issued,
  code: 'ERR_RATE_LIMITED',
  message: 'later',
  retryAt: plusMs(issued, 70 * dayMs),
}

type Case = {
  readonly name: string
  readonly spec?: Partial<CertificateSpec>
  readonly view?: Partial<CertificateView>
  readonly days?: number
  readonly force?: boolean
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
  { name: 'an hour before it is due', days: 60 - 1 / 24, expected: ['none', 'up-to-date'] },
  { name: 'the instant it is due', days: 60, expected: ['issue', 'renewal-due'] },
  { name: 'after it expired', days: 90, expected: ['issue', 'expired'] },
  { name: 'forced', force: true, expected: ['issue', 'forced'] },
  {
    name: 'another name wanted',
    spec: { identifiers: [...identifiers, { type: 'dns', value: 'b.example' }] },
    expected: ['issue', 'identifiers-differ'],
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
    name: 'due, and the CA asked a run after another key to wait',
    view: { run: { ...run, failure, intent: { ...run.intent, keyType: 'rsa-2048' } } },
    days: 61,
    expected: ['issue', 'renewal-due'],
  },
  {
    name: 'due, and the CA asked to wait',
    view: { run: { ...run, failure } },
    days: 61,
    expected: ['wait', 'retry-later'],
  },
  {
    name: 'due, and the wait is over',
    view: { run: { ...run, failure } },
    days: 70,
    expected: ['issue', 'renewal-due'],
  },
  {
    name: 'forced before the wait is over',
    view: { run: { ...run, failure } },
    days: 61,
    force: true,
    expected: ['issue', 'renewal-due'],
  },
]

for (const { name, spec: specChange, view: viewChange, days = 10, force, expected } of cases) {
  test(`${name}: ${expected.join(', ')}`, () => {
    const now = plusMs(issued, days * dayMs)
    const action = planCertificate(
      { ...spec, ...specChange },
      { ...view, ...viewChange },
      { now, force: force ?? false },
    )
    assert.deepEqual([action.kind, action.reason.code], expected)
    assert.notEqual(action.reason.text, '')
  })
}

test('without a live link a stored certificate is delivered, not ordered again', () => {
  const action = planCertificate(
    spec,
    { ...(without('live') as CertificateView) },
    { now: plusMs(issued, dayMs) },
  )
  assert.deepEqual([action.kind, action.reason.code], ['deploy', 'not-live'])
})

test('a failed delivery returns to what is live, or to what was seen last', () => {
  const next = { ...stored, generation: '000002-20261201T000000Z' }
  const views = { generations: [stored, next], deployments: [delivered] }
  assert.equal(generationBefore(next.generation, { ...views, live: stored }), stored.generation)
  assert.equal(generationBefore(next.generation, { ...views, live: next }), stored.generation)
  assert.equal(generationBefore(next.generation, { ...views, generations: [next], live: next }), undefined)
  assert.equal(generationBefore(next.generation, { generations: [next], deployments: [] }), undefined)
})
