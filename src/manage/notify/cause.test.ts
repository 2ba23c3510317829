import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ErrorCode } from '../../base/errors.ts'
import { causeSignature, failureKind, shownCause } from './cause.ts'

const kinds: readonly { code: ErrorCode; lasting?: boolean; delivering: boolean; expected: string }[] = [
  { code: 'ERR_ORDER', lasting: true, delivering: false, expected: 'action-needed' },
  { code: 'ERR_GUARD', delivering: false, expected: 'action-needed' },
  { code: 'ERR_TERMS', delivering: false, expected: 'action-needed' },
  { code: 'ERR_CONFIG_READ', delivering: true, expected: 'action-needed' },
  { code: 'ERR_NOT_SERVED', delivering: true, expected: 'deploy-not-effective' },
  { code: 'ERR_DEPLOY', delivering: true, expected: 'deploy-not-effective' },
  { code: 'ERR_HOOK', delivering: true, expected: 'action-needed' },
  { code: 'ERR_HOOK', delivering: false, expected: 'failed' },
  { code: 'ERR_AUTHORIZATION', delivering: false, expected: 'failed' },
  { code: 'ERR_NETWORK', delivering: false, expected: 'failed' },
]
for (const { code, lasting = false, delivering, expected } of kinds) {
  test(`${lasting ? 'a lasting ' : ''}${code} ${delivering ? 'in a delivery' : 'in an issuance'} is ${expected}`, () => {
    assert.equal(failureKind({ code, lasting }, { delivering }), expected)
  })
}

const code = 'ERR_ORDER'
const pairs = [
  ['order https://ca.example/order/12 failed', 'order https://ca.example/order/13 failed', true],
  ['no answer within 30 s', 'no answer within 31 s', true],
  ['order 5f3a9c0d1e2b is gone', 'order aa3a9c0d1e2b is gone', true],
  ['a.example: connection refused', 'a.example: 404', false],
] as const
for (const [one, other, same] of pairs) {
  test(`"${one}" and "${other}" have ${same ? 'the same' : 'another'} cause`, () => {
    const signatures = [one, other].map(message => causeSignature({ code, message }))
    assert.equal(signatures[0] === signatures[1], same)
  })
}

test('another code is another cause', () => {
  const message = 'the same words'
  assert.notEqual(causeSignature({ code, message }), causeSignature({ code: 'ERR_DEPLOY', message }))
})

test('a cause keeps its lines, escaped, and has an end', () => {
  assert.equal(shownCause('one\n\u001btwo'), 'one\n\\u{1b}two')
  assert.equal(shownCause('x\n'.repeat(100)).split('\n').length, 11)
})
