import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { test } from 'node:test'
import { nodeFreeBytes } from './free-bytes.ts'

test('a disk has room, and what is no directory tells nothing', async () => {
  const freeBytes = nodeFreeBytes()
  assert.ok(((await freeBytes(tmpdir())) ?? 0) > 0)
  assert.equal(await freeBytes('/nonexistent/directory'), undefined)
})
