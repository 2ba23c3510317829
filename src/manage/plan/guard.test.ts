import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dayMs, instant, plusMs } from '../../base/instant.ts'
import { defineCertificate } from '../define.ts'
import type { StoredCertificate } from '../store/stored-certificate.ts'
import type { Action, ReasonCode } from './action.ts'
import { guardPlan } from './guard.ts'

const now = instant(Date.parse('2026-11-21T00:00:00Z'))
const authority = { id: 'ca', directory: 'https://ca.example/dir' }

function certificate(index: number): StoredCertificate {
  return {
    generation: '000001',
    identifiers: [{ type: 'dns', value: `h${index}.example` }],
    keyType: 'ecdsa-p256',
    authority,
    orderUrl: 'https://ca.example/o',
    issuer: 'CN=CA',
    serialNumber: '01',
    fingerprint: `f${index}`,
    notBefore: now,
    notAfter: plusMs(now, 90 * dayMs),
    storedAt: now,
    files: { 'cert.pem': '', 'chain.pem': '', 'fullchain.pem': '', 'privkey.pem': '', 'combined.pem': '' },
  }
}

function actions(count: number, code: ReasonCode, { good = true, of = count } = {}): readonly Action[] {
  return Array.from({ length: of }, (_, index) => {
    const spec = defineCertificate({ identifiers: [`h${index}.example`], authority })
    const stored = certificate(index)
    if (index >= count)
      return {
        kind: 'none',
        spec,
        certificate: stored,
        renewAt: now,
        wakeAt: now,
        reason: { code: 'up-to-date', text: 'fine' },
      }
    const replaces = good ? stored : { ...stored, notAfter: plusMs(now, -dayMs) }
    return { kind: 'issue', spec, reason: { code, text: 'the identifiers changed: +x' }, replaces }
  })
}

const cases: readonly {
  readonly name: string
  readonly actions: readonly Action[]
  readonly at?: number
  readonly allowMany?: boolean
  readonly refused: readonly [string, number] | undefined
}[] = [
  { name: 'nothing to issue', actions: actions(0, 'forced', { of: 3 }), refused: undefined },
  { name: 'many renewals', actions: actions(100, 'renewal-due'), refused: undefined },
  { name: 'four changed', actions: actions(4, 'identifiers-differ'), refused: undefined },
  { name: 'five of five changed', actions: actions(5, 'identifiers-differ'), refused: ['ERR_GUARD', 5] },
  { name: 'five of twenty changed', actions: actions(5, 'key-type-differs', { of: 20 }), refused: undefined },
  {
    name: 'eleven of twenty changed',
    actions: actions(11, 'authority-differs', { of: 20 }),
    refused: ['ERR_GUARD', 11],
  },
  {
    name: 'all changed, and meant',
    actions: actions(20, 'authority-differs'),
    allowMany: true,
    refused: undefined,
  },
  {
    name: 'all changed, and all about to end',
    actions: actions(20, 'authority-differs'),
    at: 87,
    refused: undefined,
  },
  {
    name: 'all changed, but none is good',
    actions: actions(20, 'identifiers-differ', { good: false }),
    refused: undefined,
  },
  {
    name: 'the clock is two days behind',
    actions: actions(2, 'renewal-due'),
    at: -2,
    refused: ['ERR_CLOCK', 2],
  },
  {
    name: 'the clock is behind, and nothing is issued',
    actions: actions(0, 'forced', { of: 2 }),
    at: -2,
    refused: undefined,
  },
  {
    name: 'the clock was set back by half an hour',
    actions: actions(2, 'renewal-due'),
    at: -0.5 / 24,
    refused: undefined,
  },
]

for (const { name, actions: given, at = 0, allowMany = false, refused } of cases) {
  test(`${name}: ${refused === undefined ? 'goes on' : refused.join(', ')}`, () => {
    const [refusal, ...more] = guardPlan(given, { now: plusMs(now, at * dayMs), latest: now, allowMany })
    assert.deepEqual(more, [])
    assert.deepEqual(refusal && [refusal.error.code, refusal.names.length], refused)
    if (refusal !== undefined) assert.ok(refusal.error.hint)
  })
}
