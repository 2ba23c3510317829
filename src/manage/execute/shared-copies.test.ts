import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FileCopy } from '../../runtime/target-files.ts'
import { conflictsOf } from './shared-copies.ts'

const copy = (path: string, change: Partial<FileCopy> = {}): FileCopy => ({
  ...{ path, sha256: 'a', mode: 0o600, uid: 0, gid: 0 },
  ...change,
})
const conflicts = (...all: (readonly FileCopy[])[]) => {
  const takers = all.map((copies, index) => ({ name: `server${index}`, certificate: `site${index}`, copies }))
  return [...conflictsOf(takers)].map(([{ name }, { message }]) => `${name}: ${message}`)
}

test('the same file for two servers, and different files, are fine', () => {
  assert.deepEqual(conflicts([copy('/a'), copy('/b')], [copy('/a')], [copy('/c', { sha256: 'b' })]), [])
})

test('two certificates at one path are refused, the file of a third is not', () => {
  const text = 'several files are to be written to /a: site0 for server0, site1 for server1'
  const found = conflicts([copy('/a')], [copy('/a', { sha256: 'b' }), copy('/b')], [copy('/b')])
  assert.deepEqual(found, [`server0: ${text}`, `server1: ${text}`])
})

for (const change of [{ mode: 0o640 }, { uid: 7 }, { gid: 7 }])
  test(`so is one file with two wishes: ${Object.keys(change)[0]}`, () => {
    assert.equal(conflicts([copy('/a')], [copy('/a', change)]).length, 2)
  })
