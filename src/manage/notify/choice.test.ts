import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Notification } from '../../contracts/notifier.ts'
import { isFor, type NotifierChoice } from './choice.ts'

type Case = {
  readonly choice: Pick<NotifierChoice, 'on' | 'atLeast'>
  readonly notification: Pick<Notification, 'kind' | 'urgency' | 'settles'>
  readonly expected: boolean
}
const cases: readonly Case[] = [
  { choice: {}, notification: { kind: 'renewed', urgency: 'info' }, expected: true },
  { choice: { on: ['failed'] }, notification: { kind: 'failed', urgency: 'info' }, expected: true },
  { choice: { on: ['failed'] }, notification: { kind: 'recovered', urgency: 'info' }, expected: false },
  { choice: { atLeast: 'warning' }, notification: { kind: 'renewed', urgency: 'info' }, expected: false },
  { choice: { atLeast: 'warning' }, notification: { kind: 'failed', urgency: 'critical' }, expected: true },
  { choice: { atLeast: 'critical' }, notification: { kind: 'failed', urgency: 'warning' }, expected: false },
  {
    choice: { atLeast: 'critical' },
    notification: { kind: 'recovered', urgency: 'info', settles: 'critical' },
    expected: true,
  },
  {
    choice: { atLeast: 'critical' },
    notification: { kind: 'recovered', urgency: 'info', settles: 'warning' },
    expected: false,
  },
  {
    choice: { on: ['failed'], atLeast: 'critical' },
    notification: { kind: 'test', urgency: 'info' },
    expected: true,
  },
]
for (const { choice, notification, expected } of cases) {
  const about = Object.values(notification).join(', ')
  test(`${about} is ${expected ? '' : 'not '}for ${JSON.stringify(choice)}`, () => {
    assert.equal(isFor(choice, notification), expected)
  })
}
