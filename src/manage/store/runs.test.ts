import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseIdentifier } from '../../acme/identifier.ts'
import { temporaryPrefix } from '../../runtime/files.ts'
import { fakeRuntime } from '../../testing/fake-runtime.ts'
import { defaultSpecName } from '../spec.ts'
import { appendEntry, readRun, removeRun, saveRunKey, setRunAside } from './runs.ts'

const state = '/state'
const identifier = parseIdentifier('a.example')
const name = defaultSpecName(identifier)
const opened = {
  kind: 'opened',
  intent: { identifiers: [identifier], keyType: 'ecdsa-p256', authority: 'ca' },
} as const

test('a journal whose removal was interrupted is gone, and not continued from what is left of it', async () => {
  const runtime = fakeRuntime()
  const { files } = runtime
  let run = await appendEntry(state, name, undefined, opened, runtime)
  await saveRunKey(state, name, 'key', runtime)
  for (let more = 0; more < 3; more += 1)
    run = await appendEntry(state, name, run, { kind: 'cleaned' }, runtime)
  const killed = {
    ...files,
    // A directory is removed file by file.
    remove: async (path: string) => {
      const [, second] = await files.list(path)
      if (second === undefined) return files.remove(path)
      await files.remove(`${path}/${second}`)
      throw new Error('killed')
    },
  }
  await assert.rejects(removeRun(state, name, { files: killed }))
  assert.equal(await readRun(state, name, runtime), undefined)

  await appendEntry(state, name, undefined, opened, runtime)
  await removeRun(state, name, runtime)
  assert.deepEqual(await files.list(`${state}/runs`), [])
})

test('a process that died at its first entry leaves nothing to look at, and nothing is kept of it', async () => {
  const runtime = fakeRuntime()
  const { files } = runtime
  await files.put(`${state}/runs/${name}/${temporaryPrefix}1`, '{"at":"20')
  await setRunAside(state, name, runtime)
  assert.deepEqual([...files.snapshot()], [])

  await files.put(`${state}/runs/${name}/0001.json`, '{"at":"20')
  await setRunAside(state, name, runtime)
  assert.deepEqual(await files.list(`${state}/runs`), [])
  assert.match([...files.snapshot().keys()].join(), /quarantine\/run-of-a\.example-\w+\/0001\.json/)
})

test('a journal that lacks an entry is damaged: what is in it cannot be gone on with', async () => {
  for (const missing of ['0001', '0002']) {
    const runtime = fakeRuntime()
    let run = await appendEntry(state, name, undefined, opened, runtime)
    for (let more = 0; more < 2; more += 1)
      run = await appendEntry(state, name, run, { kind: 'cleaned' }, runtime)
    await runtime.files.remove(`${state}/runs/${name}/${missing}.json`)
    await assert.rejects(readRun(state, name, runtime), {
      code: 'ERR_STORE_CORRUPT',
      message: /an entry before 000\d\.json is missing/,
    })
  }
})
