/** The first certificate of a server that has had no TLS: its files are made, it is restarted once, and all is well. */
import assert from 'node:assert/strict'
import { rm, stat } from 'node:fs/promises'
import { test } from 'node:test'
import { skipWithout } from '../support/programs.ts'
import { serviceUser } from '../support/service-user.ts'
import { startRedis } from './redis.ts'
import { startBench } from './suite.ts'

const permissions = 0o777

test('a Redis without TLS is given the files for it, and serves them after a restart', {
  skip: skipWithout('pebble', 'openssl', 'redis-server', 'redis-cli'),
  timeout: 120_000,
}, async () => {
  let hasTls = false
  let keyFile = ''
  await using bench = await startBench({
    name: 'redis',
    reads: 'copies',
    start: async setup => {
      keyFile = setup.keyFile
      if (!hasTls) for (const file of [setup.certificateFile, setup.keyFile]) await rm(file)
      return startRedis(setup, { hasTls })
    },
  })
  const before = await bench.start()
  await bench.configure(before.options)
  const early = await bench.run('apply')
  assert.equal(early.exitCode, 1, early.stdout)
  assert.match(early.stdout, /Redis was started before its configuration had TLS/)
  assert.match(early.stdout, /hint: the files are in place; restart it once/)
  const { uid, mode } = await stat(keyFile)
  assert.deepEqual([uid, mode & permissions], [(await serviceUser('redis')).uid, 0o600])

  await before[Symbol.asyncDispose]()
  hasTls = true
  const after = await bench.start()
  await bench.configure(after.options)
  const done = await bench.run('deploy', 'mail.example')
  assert.equal(done.exitCode, 0, `${done.stdout}${done.stderr}`)
  assert.deepEqual(await bench.served(), [await bench.live()])
})
