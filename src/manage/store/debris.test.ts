import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hourMs, minuteMs } from '../../base/instant.ts'
import { fakeRuntime } from '../../testing/fake-runtime.ts'
import { removeDebris } from './debris.ts'

const state = '/state'

test('what a killed process left under a temporary name goes when it is certain that nobody writes it any more', async () => {
  const runtime = fakeRuntime()
  const { files, clock } = runtime
  const debris = [
    '/state/.certwright-tmp-removed-a.example-000001/privkey.pem',
    '/state/accounts/ca.example/.certwright-tmp-a',
    '/state/deployments/.certwright-tmp-b',
    '/state/runs/.certwright-tmp-ended-a.example/0001.json',
    '/state/runs/.certwright-tmp-ended-a.example/privkey.pem',
  ]
  const kept = [
    '/elsewhere/.certwright-tmp-c',
    '/state/certificates/a.example/.certwright-tmp-d',
    '/state/deployments/a.example.json',
    '/state/runs/.left-over-a.example.json',
  ]
  for (const path of [...debris, ...kept]) await files.put(path, 'something')
  await files.makeDirectory('/state/live', 0o700)
  await files.replaceLink('/state/live/.certwright-tmp-e', '../certificates/a.example/000001')

  await clock.advance(hourMs - minuteMs)
  await removeDebris(state, runtime)
  assert.equal(files.snapshot().size, debris.length + kept.length + 1, 'all of it is too young')
  await files.put('/state/history/.certwright-tmp-young', 'being written')
  await clock.advance(2 * minuteMs)
  await removeDebris(state, runtime)
  assert.deepEqual([...files.snapshot().keys()], [...kept, '/state/history/.certwright-tmp-young'].sort())
})

test('where there is no state directory, nothing is removed and nothing is made', async () => {
  const runtime = fakeRuntime()
  await removeDebris(state, runtime)
  assert.deepEqual(await runtime.files.list('/'), [])
})
