import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError } from '../../base/errors.ts'
import { hourMs, type Instant, plusMs } from '../../base/instant.ts'
import { fakeRuntime } from '../../testing/fake-runtime.ts'
import { failOperation } from '../../testing/faulty-files.ts'
import type { LedgerChanges } from './ledger.ts'
import { readLedger, updateLedger } from './ledger-file.ts'

const state = '/state'
const file = `${state}/limits/ca.json`
const { signal } = new AbortController()

function setUp() {
  const runtime = fakeRuntime({}, { autoAdvance: true })
  const warnings: string[] = []
  const onWarning = (text: string) => void warnings.push(text)
  return {
    runtime,
    warnings,
    read: () => readLedger(state, 'ca', onWarning, runtime),
    change: (...changes: LedgerChanges) =>
      updateLedger(state, 'ca', () => ({ result: 'done', changes }), { onWarning, signal }, runtime),
    later: (ms: number): Instant => plusMs(runtime.clock.now(), ms),
  }
}

test('what was written is read again, to the millisecond', async () => {
  const { change, read, later, warnings } = setUp()
  assert.deepEqual(await read(), new Map())
  await change(['new-orders', later(1_234)], ['certificates-per-domain:example.com', later(hourMs)])
  assert.deepEqual(
    await read(),
    new Map([
      ['new-orders', later(1_234)],
      ['certificates-per-domain:example.com', later(hourMs)],
    ]),
  )
  assert.deepEqual(warnings, [])
})

test('buckets that are full again are not kept', async () => {
  const { change, read, later, runtime } = setUp()
  await change(['a', later(hourMs)], ['b', later(3 * hourMs)], ['c', later(3 * hourMs)])
  const c = later(3 * hourMs)
  runtime.clock.jump(2 * hourMs)
  await change(['b', undefined])
  assert.deepEqual(await read(), new Map([['c', c]]))
})

test('where nothing changes, nothing is written', async () => {
  const { change, runtime } = setUp()
  assert.equal(await change(), 'done')
  assert.equal(await runtime.files.facts(file), undefined)
})

test('two that update at once lose nothing of each other', async () => {
  const { runtime, read, later } = setUp()
  const add = (bucket: string) =>
    updateLedger(
      state,
      'ca',
      ledger => ({ result: ledger.size, changes: [[bucket, later(hourMs)]] }),
      { onWarning: text => assert.fail(text), signal },
      runtime,
    )
  const seen = await Promise.all(['a', 'b', 'c', 'd'].map(add))
  assert.deepEqual(
    seen.toSorted((a, b) => a - b),
    [0, 1, 2, 3],
  )
  assert.deepEqual([...(await read()).keys()].sort(), ['a', 'b', 'c', 'd'])
})

for (const damage of ['', '{', '[]', '{"fullAt":{"a":"tomorrow"}}', '{"fullAt":{"a":5}}']) {
  test(`a file with ${JSON.stringify(damage)} in it is as good as none, and says so`, async () => {
    const { runtime, read, change, later, warnings } = setUp()
    await runtime.files.makeDirectory(`${state}/limits`, 0o700)
    await runtime.files.writeNew(file, damage, 0o600)
    assert.deepEqual(await read(), new Map())
    assert.equal(warnings.length, 1)
    assert.match(warnings[0] ?? '', /^the rate limits of ca are taken as unused: .*ca\.json is damaged/)
    await change(['a', later(hourMs)])
    assert.deepEqual([...(await read()).keys()], ['a'])
  })
}

test('a disk that is full is told, and stops nothing', async () => {
  const { runtime, change, later, warnings } = setUp()
  runtime.files.setFaults(failOperation('replace', 'ENOSPC'))
  assert.equal(await change(['a', later(hourMs)]), 'done')
  assert.match(warnings[0] ?? '', /^the rate limits of ca are not kept: cannot write/)
})

test('a cancelled update ends', async () => {
  const { runtime, later } = setUp()
  await using _held = await heldLock(runtime)
  const abort = new AbortController()
  abort.abort(new AppError('ERR_ABORTED', 'stopped'))
  const changes: LedgerChanges = [['a', later(hourMs)]]
  await assert.rejects(
    updateLedger(
      state,
      'ca',
      () => ({ result: 0, changes }),
      { onWarning: () => {}, signal: abort.signal },
      runtime,
    ),
    { code: 'ERR_ABORTED' },
  )
})

async function heldLock({ tryLock }: ReturnType<typeof setUp>['runtime']) {
  const lock = await tryLock(`${state}/locks/limits-ca.lock`, 'another')
  if ('holder' in lock) throw new Error('it is free')
  return lock
}
