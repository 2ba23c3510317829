import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type FakeRuntime, fakeRuntime } from '../../testing/fake-runtime.ts'
import { configStamp } from './cache.ts'

const place = { file: '/etc/certwright/certwright.yaml', dropIns: '/etc/certwright/certificates.d' }

for (const { name, change, changed = true } of [
  { name: 'nothing', change: async () => {}, changed: false },
  { name: 'the main file', change: put(place.file, 'b') },
  { name: 'the main file, to something as long', change: put(place.file, 'x') },
  { name: 'a drop-in', change: put(`${place.dropIns}/linked.yaml`, 'b') },
  { name: 'a new drop-in', change: put(`${place.dropIns}/new.yaml`, '') },
  { name: 'a file that is no drop-in', change: put(`${place.dropIns}/notes.txt`, ''), changed: false },
  { name: 'what a link leads to', change: put('/data/one.yaml', 'other') },
  {
    name: 'the link before the last one, as in a Kubernetes volume',
    change: async ({ files }: FakeRuntime) => {
      await files.put('/data-2/one.yaml', 'other')
      await files.replaceLink('/current', '/data-2')
    },
  },
]) {
  test(`the stamp of the configuration, after a change of ${name}, is ${changed ? 'another' : 'the same'}`, async () => {
    const runtime = fakeRuntime()
    await runtime.files.put(place.file, 'a')
    await runtime.files.put('/data/one.yaml', 'one')
    await runtime.files.replaceLink('/current', '/data')
    await runtime.files.makeDirectory(place.dropIns, 0o755)
    await runtime.files.replaceLink(`${place.dropIns}/linked.yaml`, '/current/one.yaml')
    const before = await configStamp(place, runtime)
    await change(runtime)
    assert.equal((await configStamp(place, runtime)) !== before, changed)
  })
}

function put(path: string, content: string) {
  return ({ files }: FakeRuntime) => files.put(path, content)
}
