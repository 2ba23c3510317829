import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { instant, minuteMs } from '../../base/instant.ts'
import { fakeRuntime } from '../../testing/fake-runtime.ts'
import { failOperation } from '../../testing/faulty-files.ts'
import { parseSpecName } from '../spec.ts'
import {
  addEntry,
  chronological,
  type HistoryEntry,
  readHistory,
  recordHistory,
  removeHistory,
} from './history.ts'

const state = '/var/lib/certwright'
const name = parseSpecName('shop.example') ?? assert.fail()
const failed = { kind: 'failed', code: 'ERR_TIMEOUT', text: 'ca.example did not answer' } as const
const issued = { kind: 'issued', text: 'by ca.example', generation: '000001-x' } as const

describe('history', () => {
  it('keeps what happened in order, and counts a failure that comes again', async () => {
    const runtime = fakeRuntime()
    const start = runtime.clock.now()
    await recordHistory(state, name, [failed], runtime)
    await runtime.clock.advance(minuteMs)
    await recordHistory(state, name, [failed], runtime)
    await recordHistory(state, name, [issued, { kind: 'deployed', text: 'to nginx' }], runtime)
    await recordHistory(state, name, [failed], runtime)
    const later = instant(start + minuteMs)
    assert.deepEqual(await readHistory(state, name, runtime), [
      { ...failed, at: start, count: 2, lastAt: later },
      { ...issued, at: later },
      { kind: 'deployed', text: 'to nginx', at: later },
      { ...failed, at: later },
    ])
    await removeHistory(state, name, runtime)
    assert.deepEqual(await readHistory(state, name, runtime), [])
  })

  it('begins anew where it is damaged', async () => {
    const runtime = fakeRuntime()
    await runtime.files.put(`${state}/history/${name}.json`, '{"entries": 7}')
    await assert.rejects(readHistory(state, name, runtime), { code: 'ERR_STORE_CORRUPT' })
    await recordHistory(state, name, [issued], runtime)
    assert.equal((await readHistory(state, name, runtime)).length, 1)
  })

  it('is in nobody’s way where the disk is full', async () => {
    const runtime = fakeRuntime()
    await recordHistory(state, name, [issued], runtime)
    runtime.files.setFaults(failOperation('replace', 'ENOSPC'))
    await recordHistory(state, name, [failed], runtime)
    runtime.files.setFaults(undefined)
    assert.deepEqual(
      (await readHistory(state, name, runtime)).map(({ kind }) => kind),
      ['issued'],
    )
  })

  it('writes nothing where nothing happened', async () => {
    const runtime = fakeRuntime()
    await recordHistory(state, name, [], runtime)
    assert.deepEqual(runtime.files.calls, [])
  })
})

const at = (ms: number) => instant(1_700_000_000_000 + ms)
const token = (letter: string) => letter.repeat(43)
const folding: readonly {
  readonly what: string
  readonly next: Omit<HistoryEntry, 'at'>
  readonly entries: number
}[] = [
  { what: 'the same failure', next: failed, entries: 1 },
  { what: 'another code', next: { ...failed, code: 'ERR_NETWORK' }, entries: 2 },
  { what: 'another text', next: { ...failed, text: 'ca2.example did not answer' }, entries: 2 },
  { what: 'another kind', next: { ...failed, kind: 'refused' }, entries: 2 },
]
for (const { what, next, entries } of folding) {
  it(`${what} makes ${entries} of two entries`, () => {
    assert.equal(addEntry([{ ...failed, at: at(0) }], { ...next, at: at(1) }).length, entries)
  })
}

it('a failure that names another token is the same failure, in its latest words', () => {
  const naming = (letter: string) => ({ ...failed, text: `/acme-challenge/${token(letter)} gives 404` })
  const [entry, ...more] = addEntry([{ ...naming('a'), at: at(0) }], { ...naming('b'), at: at(1) })
  assert.deepEqual(entry, { ...naming('b'), at: at(0), count: 2, lastAt: at(1) })
  assert.deepEqual(more, [])
})

it('what has no code is never counted together', () => {
  assert.equal(addEntry([{ ...issued, at: at(0) }], { ...issued, at: at(1) }).length, 2)
})

it('entries of one second are told with the issuance first', () => {
  const advice = { ...issued, kind: 'advice' } as const
  const told = chronological([
    { ...issued, at: at(2) },
    { ...advice, at: at(1) },
    { ...issued, at: at(1) },
    { ...failed, at: at(0) },
  ])
  assert.deepEqual(
    told.map(({ kind }) => kind),
    ['failed', 'issued', 'advice', 'issued'],
  )
})

it('the oldest of many entries go', () => {
  let entries: readonly HistoryEntry[] = []
  for (let index = 0; index < 250; index++)
    entries = addEntry(entries, { ...issued, generation: String(index), at: at(index) })
  assert.equal(entries.length, 200)
  assert.equal(entries[0]?.generation, '50')
})
