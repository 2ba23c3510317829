import assert from 'node:assert/strict'
import { test } from 'node:test'
import { minuteMs } from '../base/instant.ts'
import { fakeClock } from '../testing/fake-clock.ts'
import { createNoncePool, parseNonce } from './nonces.ts'

const { signal } = new AbortController()
const noAsking = async (): Promise<string> => assert.fail('asked for a nonce')

const fields = [
  { field: 'abcXYZ-_09', nonce: 'abcXYZ-_09' },
  { field: undefined, nonce: undefined },
  { field: '', nonce: undefined },
  { field: 'abc=', nonce: undefined },
  { field: 'a+b/', nonce: undefined },
  { field: 'one, two', nonce: undefined },
  { field: 'a\n', nonce: undefined },
  { field: 'é', nonce: undefined },
  { field: 'x'.repeat(1_001), nonce: undefined },
]
for (const { field, nonce } of fields) {
  test(`Replay-Nonce ${JSON.stringify(field)?.slice(0, 20)} is ${nonce === undefined ? 'ignored' : 'taken'}`, () => {
    assert.equal(parseNonce(field), nonce)
  })
}

test('each nonce is given out once, the youngest first', async () => {
  const pool = createNoncePool(fakeClock({ autoAdvance: true }))
  for (const nonce of ['a', 'b', 'c']) pool.add(nonce)
  const taken = [await pool.take(noAsking, { signal }), await pool.take(noAsking, { signal })]
  assert.deepEqual(taken, ['c', 'b'])
  assert.equal(await pool.take(noAsking, { signal }), 'a')
  assert.equal(await pool.take(async () => 'asked', { signal }), 'asked')
})

test('nonces are forgotten after five minutes', async () => {
  const clock = fakeClock({ autoAdvance: true })
  const pool = createNoncePool(clock)
  pool.add('old')
  await clock.advance(4 * minuteMs)
  pool.add('young')
  await clock.advance(2 * minuteMs)
  assert.equal(await pool.take(noAsking, { signal }), 'young')
  assert.equal(await pool.take(async () => 'asked', { signal }), 'asked')
})

test('a pool does not grow without end, and keeps the youngest', async () => {
  const pool = createNoncePool(fakeClock({ autoAdvance: true }))
  for (let index = 1; index <= 100; index += 1) pool.add(`n${index}`)
  const taken = []
  for (;;) {
    const nonce = await pool.take(async () => 'end', { signal })
    if (nonce === 'end') break
    taken.push(nonce)
  }
  assert.equal(taken.length, 32)
  assert.equal(taken.at(-1), 'n69')
})

test('of many users of an empty pool few ask, the others are served by replies', async () => {
  const pool = createNoncePool(fakeClock())
  let [asked, under, most] = [0, 0, 0]
  const ask = async () => {
    asked += 1
    const nonce = `asked-${asked}`
    under += 1
    most = Math.max(most, under)
    await new Promise(resolve => setImmediate(resolve))
    under -= 1
    return nonce
  }
  const users = Array.from({ length: 40 }, async (_, index) => {
    const nonce = await pool.take(ask, { signal })
    await new Promise(resolve => setImmediate(resolve)) // the request itself
    pool.add(`reply-${index}`)
    return nonce
  })
  const taken = await Promise.all(users)
  assert.equal(new Set(taken).size, taken.length, 'none was given out twice')
  assert.ok(most <= 4, `${most} at once`)
  assert.equal(asked, 2, 'of 40 users')
})

test('one who asks in vain fails alone; the next in line asks', async () => {
  const pool = createNoncePool(fakeClock())
  const failing = Array.from({ length: 2 }, () =>
    pool.take(() => Promise.reject(new Error('down')), { signal }),
  )
  const waiting = pool.take(async () => 'asked', { signal })
  const results = await Promise.allSettled(failing)
  assert.ok(results.every(({ status }) => status === 'rejected'))
  assert.equal(await waiting, 'asked')
})

test('a cancelled user leaves the line and takes nothing along', async () => {
  const pool = createNoncePool(fakeClock())
  const hanging = Array.from({ length: 2 }, () => pool.take(() => new Promise<string>(() => {}), { signal }))
  const cancel = new AbortController()
  const cancelled = pool.take(noAsking, { signal: cancel.signal })
  const patient = pool.take(noAsking, { signal })
  cancel.abort(new Error('enough'))
  await assert.rejects(cancelled, /enough/)
  pool.add('n')
  assert.equal(await patient, 'n')
  assert.equal(hanging.length, 2)
})

test('who has waited in vain asks, with few others at once', async () => {
  const clock = fakeClock()
  const pool = createNoncePool(clock)
  const asked: ((nonce: string) => void)[] = []
  const ask = () => new Promise<string>(resolve => asked.push(resolve))
  const users = Array.from({ length: 10 }, () => pool.take(ask, { signal }))
  assert.equal(asked.length, 2)
  await clock.advance(49)
  assert.equal(asked.length, 2, 'a CA nearby would have answered by now')
  await clock.advance(1)
  assert.equal(asked.length, 4)
  for (const [index, resolve] of asked.entries()) resolve(`n${index}`)
  await clock.advance(50)
  assert.equal(asked.length, 8)
  for (const [index, resolve] of asked.entries()) resolve(`n${index}`)
  pool.add('a')
  pool.add('b')
  assert.deepEqual((await Promise.all(users)).toSorted(), [
    'a',
    'b',
    ...Array.from({ length: 8 }, (_, n) => `n${n}`),
  ])
})
