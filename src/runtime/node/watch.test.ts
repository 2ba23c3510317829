import assert from 'node:assert/strict'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { tempDirectory } from '../../../test/support/temp-directory.ts'
import { nodeWatch } from './watch.ts'

describe('watching directories', () => {
  it('hints at new, changed and removed files, and forgives a directory that is not there', async () => {
    await using directory = await tempDirectory()
    const file = join(directory.path, 'a.yaml')
    let hint = Promise.withResolvers<void>()
    using _watch = nodeWatch()([join(directory.path, 'nowhere'), directory.path], () => hint.resolve())
    for (const change of [() => writeFile(file, 'one'), () => writeFile(file, 'two'), () => rm(file)]) {
      await change()
      await hint.promise
      hint = Promise.withResolvers()
    }
  })

  it('is silent once it is disposed of', async () => {
    await using directory = await tempDirectory()
    let hints = 0
    nodeWatch()([directory.path], () => {
      hints += 1
    })[Symbol.dispose]()
    const { promise, resolve } = Promise.withResolvers<void>()
    using _other = nodeWatch()([directory.path], () => resolve())
    await writeFile(join(directory.path, 'a.yaml'), 'one')
    await promise
    assert.equal(hints, 0)
  })
})
