import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError } from '../../base/errors.ts'
import { instant } from '../../base/instant.ts'
import { isFor } from './choice.ts'
import { configurationNotification } from './configuration-notification.ts'

const about = { at: instant(Date.UTC(2030, 0, 1)), host: 'web1', id: '1' }
const error = new AppError('ERR_CONFIG', 'a.yaml:1: unknown key\nb.yaml:2: \u001b[31mred', {
  hint: 'look there',
})

test('a configuration that cannot be used is a trouble with its causes, and safe to show', () => {
  const { kind, urgency, subject, items } = configurationNotification(error, about)
  assert.deepEqual(
    [kind, urgency, subject],
    ['action-needed', 'warning', 'certwright on web1: the configuration cannot be used'],
  )
  assert.equal(items[0]?.cause, 'a.yaml:1: unknown key\nb.yaml:2: \\u{1b}[31mred')
  assert.equal(items[0]?.advice, 'look there')
})

test('its end is for those who were told of it', () => {
  const over = configurationNotification(undefined, about)
  assert.equal(over.kind, 'recovered')
  assert.equal(over.items[0]?.key, configurationNotification(error, about).items[0]?.key)
  assert.ok(isFor({ atLeast: 'warning' }, over))
  assert.ok(!isFor({ atLeast: 'critical' }, over))
})
