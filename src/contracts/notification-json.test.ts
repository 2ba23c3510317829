import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
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

test('the document is the one that the guide shows', async () => {
  const guide = await readFile(join(import.meta.dirname, '../../docs/guides/notifications.md'), 'utf8')
  const [, example = ''] = /^```json\n(.*?)^```$/ms.exec(guide) ?? []
  const shown = JSON.parse(example) as Document
  const made = JSON.parse(JSON.stringify(notificationJson(sampleNotification('failed')))) as Document
  assert.deepEqual(Object.keys(shown).sort(), Object.keys(made).sort())
  assert.deepEqual(Object.keys(shown.items[0] ?? {}).sort(), Object.keys(made.items[0] ?? {}).sort())
  assert.ok(parseWith(notificationSchema, shown).ok)
})

type Document = { readonly items: readonly Readonly<Record<string, unknown>>[] }
