import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError } from '../../base/errors.ts'
import { hourMs } from '../../base/instant.ts'
import type { NotificationKind } from '../../contracts/notifier.ts'
import { fakeRuntime } from '../../testing/fake-runtime.ts'
import { failOperation } from '../../testing/faulty-files.ts'
import { createRecollection } from '../recollection.ts'
import { defaultSpecName } from '../spec.ts'
import type { RunResult } from './decide.ts'
import { notifyAfterRun } from './notify.ts'

const identifiers = [{ type: 'dns', value: 'a.example' }] as const
const spec = { name: defaultSpecName(identifiers[0]), identifiers }
const failed: RunResult = {
  ...{ spec, targets: [], outcome: 'failed' },
  error: new AppError('ERR_ORDER', 'the CA refused'),
}
const issued: RunResult = { spec, targets: [], outcome: 'issued' }

/** A process that stays, and what it tells. */
function daemon() {
  const runtime = fakeRuntime()
  const recollection = createRecollection()
  const told: NotificationKind[] = []
  const run = async (result: RunResult): Promise<readonly NotificationKind[]> => {
    told.length = 0
    await notifyAfterRun(
      '/state',
      { results: [result], configured: [spec.name] },
      {
        notifiers: [{ name: 'one', label: 'one', options: {} }],
        notifierFor: async () => ({ name: 'one', send: async ({ kind }) => void told.push(kind) }),
        recollection,
        signal: new AbortController().signal,
      },
      runtime,
    )
    await runtime.clock.advance(hourMs)
    return [...told]
  }
  return { runtime, recollection, run }
}

const disks = [
  { name: 'be written', rule: failOperation('replace', 'ENOSPC') },
  { name: 'be read', rule: failOperation('read', 'EIO') },
] as const
for (const { name, rule } of disks) {
  test(`while the memory cannot ${name}, the same is told once, and called off`, async () => {
    const { runtime, recollection, run } = daemon()
    runtime.files.setFaults(rule)
    assert.deepEqual(await run(failed), ['failed'])
    assert.deepEqual(await run(failed), [])
    assert.deepEqual(await run(issued), ['recovered'])
    assert.deepEqual(await run(failed), ['failed'])

    runtime.files.setFaults(undefined)
    assert.deepEqual(await run(failed), [])
    assert.equal(recollection.notifications, undefined, 'it is on disk now')
    assert.deepEqual(await run(issued), ['recovered'])
  })
}

test('what was told before the memory could not be read is called off when it can be again', async () => {
  const { runtime, run } = daemon()
  assert.deepEqual(await run(failed), ['failed'])
  runtime.files.setFaults(failOperation('read', 'EIO'))
  assert.deepEqual(await run(issued), ['renewed']) // it knows of no trouble
  runtime.files.setFaults(undefined)
  assert.deepEqual(await run({ ...issued, outcome: 'unchanged' }), ['recovered'])
  assert.deepEqual(await run({ ...issued, outcome: 'unchanged' }), [])
})

test('what was over while the memory could not be written does not come back', async () => {
  const { runtime, run } = daemon()
  assert.deepEqual(await run(failed), ['failed'])
  runtime.files.setFaults(failOperation('replace', 'ENOSPC'))
  assert.deepEqual(await run(issued), ['recovered'])
  runtime.files.setFaults(failOperation('read', 'EIO'))
  assert.deepEqual(await run({ ...issued, outcome: 'unchanged' }), [])
  runtime.files.setFaults(undefined)
  assert.deepEqual(await run({ ...issued, outcome: 'unchanged' }), [])
})
