import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createBackground } from './background.ts'

const silent = () => {}

it('no more than the limit run at a time, and all of them run', async () => {
  await using background = createBackground({ limit: 2, log: silent })
  let running = 0
  let most = 0
  let done = 0
  const work = async () => {
    running += 1
    most = Math.max(most, running)
    await new Promise(resolve => setImmediate(resolve))
    running -= 1
    done += 1
  }
  await Promise.all(Array.from({ length: 7 }, () => background.start('test', work)))
  assert.deepEqual({ most, done, running }, { most: 2, done: 7, running: 0 })
})

it('work that throws is logged and frees its place', async () => {
  const events: string[] = []
  await using background = createBackground({ limit: 1, log: (_, event) => void events.push(event) })
  await background.start('test', () => Promise.reject(new Error('broken')))
  let ran = false
  await background.start('test', async () => void (ran = true))
  assert.deepEqual({ events, ran }, { events: ['background-work-failed'], ran: true })
})

it('disposing aborts what runs, skips what waits, and waits for the end', async () => {
  const background = createBackground({ limit: 1, log: silent })
  let ended = false
  let second = false
  const first = background.start('first', async signal => {
    await new Promise<void>(resolve => signal.addEventListener('abort', () => resolve()))
    await new Promise(resolve => setImmediate(resolve))
    ended = true
  })
  const other = background.start('second', async () => void (second = true))
  await background[Symbol.asyncDispose]()
  assert.deepEqual({ ended, second }, { ended: true, second: false })
  await Promise.all([first, other])
})
