import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Instant, instant, plusMs } from '../base/instant.ts'
import { type AuthorizationStatus, authorizationStatuses } from './authorization.ts'
import {
  type AuthorizationFacts,
  authorizationStatus,
  type ChallengeFacts,
  challengeStatus,
  type OrderFacts,
  orderStatus,
} from './transitions.ts'

const now = instant(1_800_000_000_000)
const before = plusMs(now, -1)
const later = plusMs(now, 1)
const error = { type: 'urn:ietf:params:acme:error:connection' }

const fresh: ChallengeFacts = {}
const answered: ChallengeFacts = { answeredAt: before }
const passed: ChallengeFacts = { answeredAt: before, validatedAt: before }
const failed: ChallengeFacts = { answeredAt: before, error }

describe('challenge status', () => {
  for (const [facts, expected] of [
    [fresh, 'pending'],
    [answered, 'processing'],
    [passed, 'valid'],
    [failed, 'invalid'],
  ] as const) {
    it(`is ${expected} after ${Object.keys(facts).join(' and ') || 'nothing'}`, () =>
      assert.equal(challengeStatus(facts), expected))
  }
})

describe('authorization status', () => {
  type Row = readonly [string, AuthorizationStatus, Partial<AuthorizationFacts>]
  const rows: readonly Row[] = [
    ['a fresh one', 'pending', { challenges: [fresh] }],
    ['one being validated', 'pending', { challenges: [answered] }],
    ['one whose challenge passed', 'valid', { challenges: [passed] }],
    ['one whose challenge failed', 'invalid', { challenges: [failed] }],
    ['one challenge passed, another untouched', 'valid', { challenges: [fresh, passed] }],
    ['one challenge failed, another untouched', 'invalid', { challenges: [failed, fresh] }],
    ['one challenge passed, another failed', 'valid', { challenges: [failed, passed] }],
    ['pending at its expiry', 'expired', { challenges: [fresh], expires: now }],
    ['valid at its expiry', 'expired', { challenges: [passed], expires: now }],
    ['valid just before its expiry', 'valid', { challenges: [passed], expires: later }],
    ['failed and past its expiry', 'invalid', { challenges: [failed], expires: before }],
    ['pending, then deactivated', 'deactivated', { challenges: [fresh], deactivatedAt: before }],
    ['valid, then deactivated', 'deactivated', { challenges: [passed], deactivatedAt: before }],
    ['deactivated and past expiry', 'deactivated', { deactivatedAt: before, expires: before }],
    ['valid, then revoked', 'revoked', { challenges: [passed], revokedAt: before }],
    ['without any challenge', 'pending', { challenges: [] }],
  ]
  for (const [name, expected, facts] of rows) {
    it(`${name}: ${expected}`, () =>
      assert.equal(authorizationStatus({ challenges: [fresh], expires: later, ...facts }, now), expected))
  }
})

describe('order status', () => {
  type Row = readonly [string, ReturnType<typeof orderStatus>, Partial<OrderFacts>]
  const rows: readonly Row[] = [
    ['nothing validated', 'pending', { authorizations: ['pending', 'pending'] }],
    ['half validated', 'pending', { authorizations: ['valid', 'pending'] }],
    ['all validated', 'ready', { authorizations: ['valid', 'valid'] }],
    ['all validated, at its expiry', 'invalid', { authorizations: ['valid'], expires: now }],
    ['finalized', 'processing', { finalizedAt: before }],
    ['finalized, past its expiry', 'processing', { finalizedAt: before, expires: before }],
    [
      'finalized, authorization expired since',
      'processing',
      { authorizations: ['expired'], finalizedAt: before },
    ],
    ['issued', 'valid', { finalizedAt: before, issuedAt: before }],
    ['issued, long past its expiry', 'valid', { finalizedAt: before, issuedAt: before, expires: before }],
    [
      'issued, authorization deactivated since',
      'valid',
      { authorizations: ['deactivated'], issuedAt: before },
    ],
    ['failed while being issued', 'invalid', { finalizedAt: before, error }],
    ['failed before', 'invalid', { error }],
  ]
  for (const [name, expected, facts] of rows) {
    it(`${name}: ${expected}`, () =>
      assert.equal(orderStatus({ authorizations: ['valid'], expires: later, ...facts }, now), expected))
  }

  for (const status of authorizationStatuses.filter(status => status !== 'valid' && status !== 'pending')) {
    it(`one authorization ${status}: invalid`, () =>
      assert.equal(
        orderStatus({ authorizations: ['valid', status, 'pending'], expires: later }, now),
        'invalid',
      ))
  }

  it('never leaves invalid or valid again as time passes', () => {
    const facts: readonly OrderFacts[] = rows.map(([, , row]) => ({
      authorizations: ['valid'],
      expires: later,
      ...row,
    }))
    const times: readonly Instant[] = [before, now, later, plusMs(later, 1_000)]
    for (const fact of facts) {
      const seen = times.map(at => orderStatus(fact, at))
      const final = seen.findIndex(status => status === 'valid' || status === 'invalid')
      if (final !== -1) assert.equal(new Set(seen.slice(final)).size, 1, JSON.stringify(seen))
    }
  })
})
