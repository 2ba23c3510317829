import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseWith } from '../base/schema.ts'
import { sampleNotification } from '../testing/notifications.ts'
import { notificationJson, notificationSchema } from './notification-json.ts'
import { notificationKinds } from './notifier.ts'

for (const kind of notificationKinds) {
  test(`${kind} comes back from its JSON as it was`, () => {
    const notification = sampleNotification(kind, kind === 'recovered' ? { settles: 'critical' } : {})
    const text = JSON.stringify(notificationJson(notification))
    assert.deepEqual(parseWith(notificationSchema, JSON.parse(text)), { ok: true, value: notification })
  })
}

test('the document is the one that the guide describes', () => {
  const { version, at, items } = notificationJson(sampleNotification('failed'))
  assert.deepEqual([version, at], [1, '2030-01-01T00:00:00Z'])
  const [item] = items as readonly Readonly<Record<string, unknown>>[]
  assert.deepEqual(Object.keys(item ?? {}).sort(), [
    'advice',
    'cause',
    'certificate',
    'command',
    'expires',
    'identifiers',
    'key',
    'nextAttemptAt',
    'text',
  ])
})
