import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dayMs, instant, plusMs } from '../../base/instant.ts'
import { defineCertificate } from '../define.ts'
import { makePair } from '../pair.ts'
import type { StoredCertificate } from '../store/stored-certificate.ts'
import type { Action, ReasonCode } from './action.ts'
import { type Planned, planPairs } from './pairs.ts'

const now = instant(Date.parse('2027-02-01T00:00:00Z'))
const authority = { id: 'ca', directory: 'https://ca.example/directory' }
const alone = defineCertificate({ identifiers: ['a.example'], authority })
const [ecdsa, rsa] = makePair(alone, { ecdsa: 'ecdsa-p256', rsa: 'rsa-2048' }) ?? assert.fail()
const until = plusMs(now, dayMs)

function aged(days: number): StoredCertificate {
  const notBefore = plusMs(now, -days * dayMs)
  return {
    ...{ generation: '000001-x', identifiers: ecdsa.identifiers, keyType: 'ecdsa-p256', authority },
    ...{
      orderUrl: 'https://ca.example/order',
      issuer: 'CN=CA',
      serialNumber: '01',
      fingerprint: 'f'.repeat(64),
    },
    ...{ notBefore, notAfter: plusMs(notBefore, 90 * dayMs), storedAt: notBefore, files: {} },
  }
}

/** What is planned for one of them by itself. */
function planned(
  spec: typeof ecdsa,
  kind: Action['kind'],
  code: ReasonCode,
  days: number | undefined,
): Planned {
  const current = days === undefined ? undefined : aged(days)
  const reason = { code, text: 'because' }
  if (kind === 'issue') return { action: { kind, spec, reason }, current }
  if (kind === 'wait') return { action: { kind, spec, reason, until }, current }
  const certificate = current ?? assert.fail('it must be there')
  if (kind === 'deploy') return { action: { kind, spec, reason, certificate }, current }
  return { action: { kind, spec, reason, certificate, renewAt: until, wakeAt: until }, current }
}

type Side = readonly [Action['kind'], ReasonCode, number | undefined]
const cases: readonly {
  readonly name: string
  readonly sides: readonly [Side, Side]
  readonly expected: readonly [string, string]
}[] = [
  {
    name: 'one is due: both are renewed',
    sides: [
      ['issue', 'renewal-due', 60],
      ['none', 'up-to-date', 50],
    ],
    expected: ['issue renewal-due', 'issue pair-due'],
  },
  {
    name: 'the other is due: both are renewed',
    sides: [
      ['none', 'up-to-date', 50],
      ['issue', 'renewal-advised', 60],
    ],
    expected: ['issue pair-due', 'issue renewal-advised'],
  },
  {
    name: 'one is due, and the other was just issued',
    sides: [
      ['issue', 'renewal-due', 60],
      ['none', 'up-to-date', 9],
    ],
    expected: ['issue renewal-due', 'none up-to-date'],
  },
  {
    name: 'one is forced, and the other is to be delivered',
    sides: [
      ['issue', 'forced', 30],
      ['deploy', 'never-deployed', 30],
    ],
    expected: ['issue forced', 'issue pair-due'],
  },
  {
    name: 'one has another kind of key now: the other is as good as ever',
    sides: [
      ['none', 'up-to-date', 50],
      ['issue', 'key-type-differs', 50],
    ],
    expected: ['none up-to-date', 'issue key-type-differs'],
  },
  {
    name: 'one is there, and the other is to come',
    sides: [
      ['deploy', 'not-live', 0],
      ['issue', 'no-certificate', undefined],
    ],
    expected: ['deploy not-live', 'issue no-certificate'],
  },
  {
    name: 'one is there, and the other has failed',
    sides: [
      ['deploy', 'not-live', 0],
      ['wait', 'retry-later', undefined],
    ],
    expected: ['wait pair-incomplete', 'wait retry-later'],
  },
  {
    name: 'one is to be delivered, and the renewal of the other has failed',
    sides: [
      ['deploy', 'not-live', 0],
      ['wait', 'retry-later', 60],
    ],
    expected: ['deploy not-live', 'wait retry-later'],
  },
  {
    name: 'one waits after a failure',
    sides: [
      ['wait', 'retry-later', 60],
      ['issue', 'renewal-due', 60],
    ],
    expected: ['wait retry-later', 'issue renewal-due'],
  },
]

for (const { name, sides, expected } of cases) {
  test(name, () => {
    const [one, other] = sides
    const actions = planPairs([planned(ecdsa, ...one), planned(rsa, ...other)], now)
    assert.deepEqual(
      actions.map(({ kind, reason }) => `${kind} ${reason.code}`),
      expected,
    )
  })
}

test('a certificate without a pair, or whose other one was not asked for, is planned as it is', () => {
  const actions = planPairs(
    [planned(alone, 'none', 'up-to-date', 50), planned(rsa, 'issue', 'forced', 50)],
    now,
  )
  assert.deepEqual(
    actions.map(({ kind }) => kind),
    ['none', 'issue'],
  )
})
