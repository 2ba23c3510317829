import assert from 'node:assert/strict'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { tempDirectory } from '../../../test/support/temp-directory.ts'
import { notificationJson } from '../../contracts/notification-json.ts'
import { nodeRuntime } from '../../runtime/node/runtime.ts'
import { sampleNotification } from '../../testing/notifications.ts'
import { createExecNotifier } from './exec.ts'

const { signal } = new AbortController()
const runtime = nodeRuntime()

test('the program gets its arguments as they are, a clean environment, and JSON on its input', async () => {
  await using directory = await tempDirectory()
  const out = `${directory.path}/out`
  const script = `{ printf '%s\\n' "$1"; env | sort; cat; } > '${out}'`
  const notifier = createExecNotifier({ command: ['sh', '-c', script, 'sh', '$(id) "a b"'] }, runtime)
  const subject = 'certwright on web1.test: $(id) `id`'
  const notification = sampleNotification('failed', { subject })
  process.env['CERTWRIGHT_TEST_SECRET'] = 'secret'
  try {
    await notifier.send(notification, { signal })
  } finally {
    delete process.env['CERTWRIGHT_TEST_SECRET']
  }
  const [argument, ...lines] = readFileSync(out, 'utf8').trimEnd().split('\n')
  assert.equal(argument, '$(id) "a b"')
  assert.deepEqual(JSON.parse(lines.at(-1) ?? ''), JSON.parse(JSON.stringify(notificationJson(notification))))
  assert.deepEqual(
    lines.slice(0, -1).filter(line => !/^(PWD|_|SHLVL|OLDPWD)=/.test(line)), // the shell's own
    [
      'CERTWRIGHT_AT=2030-01-01T00:00:00Z',
      'CERTWRIGHT_HOST=web1.test',
      `CERTWRIGHT_ID=${notification.id}`,
      'CERTWRIGHT_KIND=failed',
      `CERTWRIGHT_SUBJECT=${subject}`,
      'CERTWRIGHT_URGENCY=warning',
      'LANG=C',
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    ],
  )
})

const failures = [
  {
    name: 'fails',
    command: ['sh', '-c', 'echo trouble >&2; exit 3'],
    message: /sh ended with exit code 3: trouble$/,
  },
  { name: 'is killed', command: ['sh', '-c', 'kill -9 $$'], message: /sh was ended by a signal$/ },
  { name: 'is not there', command: ['/no/such/program'], message: /cannot be started/ },
]
for (const { name, command, message } of failures) {
  test(`a program that ${name} is ERR_NOTIFY`, async () => {
    const sending = createExecNotifier({ command }, runtime).send(sampleNotification('failed'), { signal })
    await assert.rejects(sending, { code: 'ERR_NOTIFY', message })
  })
}

test('a program that everybody can change is not run', async () => {
  await using directory = await tempDirectory()
  const program = `${directory.path}/hook`
  writeFileSync(program, '#!/bin/sh\n')
  const notifier = createExecNotifier({ command: [program] }, runtime)
  chmodSync(program, 0o755)
  await notifier.send(sampleNotification('failed'), { signal })
  chmodSync(program, 0o757)
  await assert.rejects(notifier.send(sampleNotification('failed'), { signal }), {
    code: 'ERR_NOTIFY',
    message: /is not run/,
    hint: /chmod go-w/,
  })
})
