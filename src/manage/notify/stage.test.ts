import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dayMs, hourMs, instant, plusMs } from '../../base/instant.ts'
import { expiryStage } from './stage.ts'

const notBefore = instant(Date.UTC(2030, 0, 1))
const lifetimes = [
  { name: '1 h', ms: hourMs },
  { name: '160 h', ms: 160 * hourMs },
  { name: '45 d', ms: 45 * dayMs },
  { name: '90 d', ms: 90 * dayMs },
  { name: '398 d', ms: 398 * dayMs },
]
const shares = [
  { left: 1, expected: 'far' },
  { left: 0.34, expected: 'far' },
  { left: 0.25, expected: 'far' },
  { left: 0.249, expected: 'near' },
  { left: 0.1, expected: 'near' },
  { left: 0.099, expected: 'close' },
  { left: 0.000001, expected: 'close' },
  { left: 0, expected: 'expired' },
  { left: -1, expected: 'expired' },
]
for (const { name, ms } of lifetimes) {
  for (const { left, expected } of shares) {
    test(`${name} with ${left * 100} % left is ${expected}`, () => {
      const notAfter = plusMs(notBefore, ms)
      assert.equal(expiryStage({ notBefore, notAfter }, plusMs(notAfter, -Math.round(ms * left))), expected)
    })
  }
}
