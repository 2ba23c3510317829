import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { instant } from '../base/instant.ts'
import { testFiles } from './files-contract.ts'
import { memoryFiles } from './memory-files.ts'

const clock = { now: () => instant(0) }

testFiles('memory files', async () => {
  const files = memoryFiles({ clock })
  await files.makeDirectory('/root', 0o755)
  return { files, root: '/root' }
})

describe('memory files', () => {
  it('shows everything that is stored', async () => {
    const files = memoryFiles({ clock })
    await files.put('/b/file', 'text')
    await files.replaceLink('/a', 'b')
    assert.deepEqual(
      [...files.snapshot()],
      [
        ['/a', '-> b'],
        ['/b/file', 'text'],
      ],
    )
    assert.equal(await files.text('/a/file'), 'text')
  })

  it('gives up on links that lead in a circle', async () => {
    const files = memoryFiles({ clock })
    await files.replaceLink('/a', 'b')
    await files.replaceLink('/b', 'a')
    await assert.rejects(files.read('/a'), { code: 'ELOOP' })
  })

  it('keeps its own copy of what is written and read', async () => {
    const files = memoryFiles({ clock })
    const content = new Uint8Array([1])
    await files.writeNew('/a', content, 0o600)
    content[0] = 2
    const read = await files.read('/a')
    read?.fill(3)
    assert.deepEqual(await files.read('/a'), new Uint8Array([1]))
  })
})
