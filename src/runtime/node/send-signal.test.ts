import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { nodeSendSignal } from './send-signal.ts'

const sendSignal = nodeSendSignal()

test('a process gets its signal, and one that is gone is an error', async () => {
  const child = spawn('/bin/sleep', ['60'])
  await once(child, 'spawn')
  const pid = child.pid ?? 0
  sendSignal(pid, 'USR1')
  const [exitCode, signal] = await once(child, 'exit')
  assert.deepEqual([exitCode, signal], [null, 'SIGUSR1'])
  assert.throws(() => sendSignal(pid, 'USR1'), { code: 'ESRCH' })
})

for (const pid of [0, -1, 1.5, Number.NaN]) {
  test(`${pid} gets none`, () => {
    assert.throws(() => sendSignal(pid, 'HUP'), TypeError)
  })
}
