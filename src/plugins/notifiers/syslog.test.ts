import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ExecResult } from '../../runtime/exec.ts'
import { fakeRuntime } from '../../testing/fake-runtime.ts'
import { sampleNotification, troubleItem } from '../../testing/notifications.ts'
import { createSyslogNotifier } from './syslog.ts'

const { signal } = new AbortController()

async function machine({
  result = {},
  socket = '/dev/log',
}: {
  result?: Partial<ExecResult>
  socket?: string
} = {}) {
  const runs: (readonly string[])[] = []
  const runtime = fakeRuntime({
    exec: async (program: string, args: readonly string[]) => {
      runs.push([program, ...args])
      return { exitCode: 0, stdout: '', stderr: '', ...result }
    },
  })
  if (socket !== '') await runtime.files.put(socket, '')
  const notifier = createSyslogNotifier({}, runtime)
  return { notifier, runs }
}

const priorities = { info: 'daemon.notice', warning: 'daemon.warning', critical: 'daemon.crit' } as const
for (const urgency of ['info', 'warning', 'critical'] as const) {
  test(`${urgency} is ${priorities[urgency]}, one line for each certificate`, async () => {
    const { notifier, runs } = await machine()
    const items = ['a', '--b'].map(key => ({ ...troubleItem, certificate: key, key }))
    await notifier.send(sampleNotification('failed', { urgency, items }), { signal })
    assert.equal(runs.length, 2)
    for (const [index, run] of runs.entries()) {
      const line = run.at(-1) ?? ''
      assert.deepEqual(run.slice(0, -1), ['logger', '-t', 'certwright', '-p', priorities[urgency], '--'])
      assert.ok(line.startsWith(`failed: ${['a', '--b'][index]}: it could not`), line)
      assert.ok(!line.includes('\n') && line.length <= 900)
    }
  })
}

test('where nothing takes messages that is said, for logger says nothing', async () => {
  const { notifier, runs } = await machine({ socket: '' })
  await assert.rejects(notifier.send(sampleNotification('failed'), { signal }), {
    code: 'ERR_NOTIFY',
    message: /no \/dev\/log/,
  })
  assert.deepEqual(runs, [])
})

test('a logger that fails is ERR_NOTIFY with what it says', async () => {
  const { notifier } = await machine({ result: { exitCode: 1, stderr: 'logger: \u001bno\n' } })
  await assert.rejects(notifier.send(sampleNotification('failed'), { signal }), {
    code: 'ERR_NOTIFY',
    message: 'syslog: logger failed: logger: \\u{1b}no',
  })
})
