import assert from 'node:assert/strict'
import { test } from 'node:test'
import { instant } from '../base/instant.ts'
import { testFiles } from './files-contract.ts'
import { memoryFiles } from './memory-files.ts'
import { piecewiseFiles } from './piecewise-files.ts'

async function open() {
  const disk = memoryFiles({ clock: { now: () => instant(0) } })
  await disk.makeDirectory('/root', 0o755)
  const states: (readonly string[])[] = []
  let temporaries = 0
  const files = piecewiseFiles(disk, {
    look: (_, read) => read(),
    change: async (_, change) => {
      const result = await change()
      states.push([...disk.snapshot()].map(([path, content]) => `${path} ${content}`))
      return result
    },
    id: () => String(++temporaries),
  })
  return { files, root: '/root', states }
}

testFiles('piecewise files', open)

test('every state on the way is one that can be seen', async () => {
  const { files, states } = await open()
  await files.writeNew('/root/a', 'new!', 0o600)
  await files.replace('/root/a', 'more', 0o600)
  await files.replaceLink('/root/b', 'a')
  assert.deepEqual(states, [
    ['/root/.certwright-tmp-1 ne'],
    ['/root/.certwright-tmp-1 ne', '/root/a new!'],
    ['/root/a new!'],
    ['/root/.certwright-tmp-2 mo', '/root/a new!'],
    ['/root/a more'],
    ['/root/.certwright-tmp-3 -> a', '/root/a more'],
    ['/root/a more', '/root/b -> a'],
  ])
  states.length = 0
  const content = ['x', 'y'].map(name => ({ name, content: `${name}${name}`, mode: 0o600 }))
  await files.writeDirectory('/root/d', content, 0o700)
  await files.remove('/root/d')
  const rest = ['/root/a more', '/root/b -> a']
  assert.deepEqual(states, [
    ['/root/.certwright-tmp-4/x x', ...rest],
    ['/root/.certwright-tmp-4/x xx', '/root/.certwright-tmp-4/y yy', ...rest],
    [...rest, '/root/d/x xx', '/root/d/y yy'],
    [...rest, '/root/d/y yy'],
    rest,
    rest,
  ])
})
