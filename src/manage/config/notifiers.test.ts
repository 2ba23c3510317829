import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readNotifiers } from './notifiers.ts'

test('notifiers have labels of their own, and what they are sent is not among their options', () => {
  const slack = { url: { file: '/etc/slack' } }
  assert.deepEqual(
    readNotifiers([
      { slack: { ...slack, on: ['failed'], 'at-least': 'critical' } },
      { syslog: {} },
      { slack },
    ]),
    [
      { name: 'slack', label: 'slack', options: slack, on: ['failed'], atLeast: 'critical' },
      { name: 'syslog', label: 'syslog', options: {} },
      { name: 'slack', label: 'slack-2', options: slack },
    ],
  )
})
