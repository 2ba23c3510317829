import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Logger } from '../base/log.ts'
import type { Exec } from '../runtime/exec.ts'
import { fakeRuntime } from '../testing/fake-runtime.ts'
import { serviceManager } from './service-manager.ts'

const socket = '/run/systemd/notify'

function manage(variables: Readonly<Record<string, string>>, exec: Exec) {
  const logged: string[] = []
  const log: Logger = (level, event, fields) =>
    void logged.push(`${level} ${event} ${JSON.stringify(fields)}`)
  return { logged, manager: serviceManager({ log }, fakeRuntime({ exec }, { variables })) }
}

test('without a manager that wants to know, no program is run', async () => {
  for (const variables of [{}, { NOTIFY_SOCKET: '' }]) {
    const { manager, logged } = manage(variables, () => assert.fail('a program was run'))
    await manager.notify('READY=1')
    assert.equal(manager.watchdogMs, undefined)
    assert.deepEqual(logged, [])
  }
})

test('messages arrive in order, also when nobody waits for them', async () => {
  const sent: string[] = []
  const first = Promise.withResolvers<void>()
  const { manager } = manage(
    { NOTIFY_SOCKET: socket, WATCHDOG_USEC: '600000000' },
    async (program, args, options) => {
      if (sent.length === 0) await first.promise
      sent.push([program, ...args, options?.env?.['NOTIFY_SOCKET']].join(' '))
      return { exitCode: 0, stdout: '', stderr: '' }
    },
  )
  assert.equal(manager.watchdogMs, 600_000)
  void manager.notify('READY=1', 'STATUS=good')
  const last = manager.notify('STOPPING=1')
  first.resolve()
  await last
  assert.deepEqual(sent, [
    `systemd-notify READY=1 STATUS=good ${socket}`,
    `systemd-notify STOPPING=1 ${socket}`,
  ])
})

test('a manager that cannot be told is logged, and nothing else', async () => {
  const { manager, logged } = manage({ NOTIFY_SOCKET: socket }, async (_, [assignment]) => {
    if (assignment === 'READY=1') return { exitCode: 1, stdout: '', stderr: 'Failed to notify\n' }
    throw new TypeError('no such program')
  })
  await manager.notify('READY=1')
  await manager.notify('STOPPING=1')
  assert.deepEqual(logged, [
    'warn service-manager-not-told {"what":["READY=1"],"error":"Failed to notify"}',
    'warn service-manager-not-told {"what":["STOPPING=1"],"error":"no such program"}',
  ])
})
