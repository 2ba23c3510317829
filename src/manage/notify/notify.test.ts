import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError } from '../../base/errors.ts'
import { dayMs, hourMs, minuteMs } from '../../base/instant.ts'
import type { Notification, Notifier } from '../../contracts/notifier.ts'
import { fakeRuntime } from '../../testing/fake-runtime.ts'
import type { ApplyResult } from '../apply-result.ts'
import { defaultSpecName } from '../spec.ts'
import type { NotifierChoice } from './choice.ts'
import type { Run, RunResult } from './decide.ts'
import { notifyAfterRun } from './notify.ts'

const state = '/state'
const path = `${state}/notifications.json`
const identifiers = [{ type: 'dns', value: 'a.example' }] as const
const spec = { name: defaultSpecName(identifiers[0]), identifiers }
const failed: RunResult = {
  spec,
  targets: [],
  outcome: 'failed',
  error: new AppError('ERR_ORDER', 'the CA refused'),
}
const issued: RunResult = { spec, targets: [], outcome: 'issued' }

test('what the manager says is what is decided from', () => {
  const results = (applied: readonly ApplyResult[]): readonly RunResult[] => applied
  assert.deepEqual(results([]), [])
})

/** A machine with notifiers by label; a test says what each does when it is sent something. */
function machine(labels: readonly string[] = ['one']) {
  const runtime = fakeRuntime()
  const inboxes = new Map<string, Notification[]>()
  const doing = new Map<string, (signal: AbortSignal) => Promise<void>>()
  const notifiers: NotifierChoice[] = labels.map(label => ({ name: label, label, options: {} }))
  const notifierFor = async ({ label }: NotifierChoice): Promise<Notifier> => ({
    name: label,
    send: async (notification, { signal }) => {
      await doing.get(label)?.(signal)
      inboxes.set(label, [...(inboxes.get(label) ?? []), notification])
    },
  })
  const abort = new AbortController()
  return {
    runtime,
    abort,
    /** What a notifier does from now on. */
    does: (label: string, what: (signal: AbortSignal) => Promise<void>) => doing.set(label, what),
    /** What it has taken since this was asked last. */
    taken: (label: string) => {
      const kinds = (inboxes.get(label) ?? []).map(({ kind }) => kind)
      inboxes.delete(label)
      return kinds
    },
    ids: (label: string) => (inboxes.get(label) ?? []).map(({ id }) => id),
    run: (result: RunResult | undefined, more: Partial<Run> = {}, choices = notifiers) =>
      notifyAfterRun(
        state,
        { results: result === undefined ? [] : [result], configured: [spec.name], ...more },
        { notifiers: choices, notifierFor, signal: abort.signal },
        runtime,
      ),
  }
}

const refuse = async () => {
  throw new AppError('ERR_NOTIFY', 'one: it answered 500', { hint: 'wait' })
}

test('a failure is told, remembered, and called off', async () => {
  const { run, taken, runtime } = machine()
  const { notifications, problems, deliveries } = await run(failed)
  assert.deepEqual(taken('one'), ['failed'])
  assert.deepEqual([notifications.length, problems, deliveries.map(({ sent }) => sent)], [1, [], [1]])
  await runtime.clock.advance(hourMs)
  await run(failed)
  assert.deepEqual(taken('one'), [])
  await runtime.clock.advance(hourMs)
  await run(issued)
  assert.deepEqual(taken('one'), ['recovered'])
  const { troubles, unsent } = JSON.parse(await runtime.files.text(path)) as Record<string, unknown>
  assert.deepEqual([troubles, unsent], [[], []])
})

test('without notifiers, or with nothing to tell, nothing is written', async () => {
  const { run, runtime } = machine()
  await run(failed, {}, [])
  await run(undefined)
  assert.equal(runtime.files.snapshot().size, 0)
})

test('what a notifier did not take is sent with the next run, before what is new, and is the same then', async () => {
  const { run, taken, ids, does, runtime } = machine(['one', 'two'])
  does('one', refuse)
  const { problems, deliveries } = await run(failed)
  assert.deepEqual(taken('one'), [])
  const [id] = ids('two')
  assert.deepEqual(taken('two'), ['failed'])
  assert.deepEqual(
    problems.map(({ code, message, hint }) => [code, message, hint]),
    [['ERR_NOTIFY', 'one: it answered 500', 'wait']],
  )
  assert.deepEqual(
    deliveries.map(({ notifier, sent, unsent }) => [notifier, sent, unsent.length]),
    [
      ['one', 0, 1],
      ['two', 1, 0],
    ],
  )
  does('one', async () => {})
  await runtime.clock.advance(hourMs)
  await run(issued)
  assert.equal(ids('one')[0], id)
  assert.deepEqual(taken('one'), ['failed', 'recovered'])
  assert.deepEqual(taken('two'), ['recovered'])
  await run(undefined)
  assert.deepEqual(taken('one'), [])
})

test('what a notifier took before it failed is not sent again', async () => {
  const { run, taken, does, runtime } = machine()
  does('one', refuse)
  await run(failed)
  await runtime.clock.advance(hourMs)
  let count = 0
  does('one', async () => {
    if (++count === 2) await refuse()
  })
  await run(issued)
  assert.deepEqual(taken('one'), ['failed'])
  await run(undefined)
  assert.deepEqual(taken('one'), ['recovered'])
})

test('what was not taken for a week is given up; so is what is for a notifier that is gone', async () => {
  const { run, taken, does, runtime } = machine()
  does('one', refuse)
  await run(failed)
  does('one', async () => {})
  await runtime.clock.advance(8 * dayMs)
  await run(undefined)
  assert.deepEqual(taken('one'), [])

  does('one', refuse)
  await run(issued)
  const other = [{ name: 'other', label: 'other', options: {} }]
  await run(undefined, {}, other)
  does('one', async () => {})
  await run(undefined)
  assert.deepEqual(taken('one'), [])
})

test('a notifier that never answers holds nobody up, and is given ten seconds', async () => {
  const { run, taken, does, runtime } = machine(['one', 'two'])
  let stopped: unknown
  does('one', signal => {
    signal.addEventListener('abort', () => (stopped = signal.reason))
    return new Promise(() => {})
  })
  const running = run(failed)
  while (runtime.clock.sleepers === 0) await new Promise(resolve => setImmediate(resolve))
  await runtime.clock.advance(9_999)
  assert.deepEqual(taken('two'), ['failed'])
  assert.equal(stopped, undefined)
  await runtime.clock.advance(1)
  const { problems } = await running
  assert.match(problems[0]?.message ?? '', /^one: it did not take the notification within 10 s$/)
  assert.notEqual(stopped, undefined)
})

test('a defect of a notifier is a problem that is told, not a failure of the run', async () => {
  const { run, does } = machine()
  does('one', async () => {
    throw new TypeError('undefined is not a function')
  })
  const { problems } = await run(failed)
  assert.match(problems[0]?.message ?? '', /^one: undefined is not a function$/)
})

test('a run that is cancelled leaves what it had to tell for the next one', async () => {
  const { run, does, abort, runtime, taken } = machine()
  does('one', async () => abort.abort(new AppError('ERR_ABORTED', 'stopped by SIGINT')))
  const { problems } = await run(failed)
  assert.match(problems[0]?.message ?? '', /stopped by SIGINT/)
  taken('one')
  const { unsent } = JSON.parse(await runtime.files.text(path)) as { readonly unsent: readonly unknown[] }
  assert.equal(unsent.length, 1)
})

test('what is to be sent is on the disk before it is sent', async () => {
  const { run, does, runtime } = machine()
  let written = ''
  does('one', async () => {
    written = await runtime.files.text(path)
  })
  await run(failed)
  const { unsent } = JSON.parse(written) as { readonly unsent: readonly { readonly notifier: string }[] }
  assert.deepEqual(
    unsent.map(({ notifier }) => notifier),
    ['one'],
  )
})

test('a damaged memory is put aside, said, and begun again', async () => {
  const { run, taken, runtime } = machine()
  await runtime.files.put(path, '{"version": 1, "troubles"')
  const { problems } = await run(failed)
  assert.deepEqual(taken('one'), ['failed'])
  assert.match(problems[0]?.message ?? '', /now at \/state\/notifications\.json\.damaged-2030-01-01T000000Z/)
  assert.equal(await runtime.files.text(`${path}.damaged-2030-01-01T000000Z`), '{"version": 1, "troubles"')
  await run(failed)
  assert.deepEqual(taken('one'), [])
})

for (const operation of ['read', 'replace', 'makeDirectory'] as const) {
  test(`a disk that fails at ${operation} does not keep a failure from being told`, async () => {
    const { taken, runtime, ...rest } = machine()
    const broken = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
    Object.assign(runtime.files, {
      [operation]: async () => {
        throw broken
      },
    })
    const { problems } = await rest.run(failed)
    assert.deepEqual(taken('one'), ['failed'])
    assert.ok(problems.some(({ code }) => code === 'ERR_STORE'))
  })
}

test('two runs at once tell the same once', async () => {
  const { run, taken, runtime } = machine()
  const both = Promise.all([run(failed), run(failed)])
  await runtime.clock.advance(minuteMs) // one waits for the other's lock
  await both
  assert.deepEqual(taken('one'), ['failed'])
})
