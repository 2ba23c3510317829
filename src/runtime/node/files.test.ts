import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { tempDirectory } from '../../../test/support/temp-directory.ts'
import { testFiles } from '../../testing/files-contract.ts'
import { nodeFiles } from './files.ts'
import { nodeRandom } from './random.ts'

const files = nodeFiles(nodeRandom())

testFiles('node files', async () => {
  const directory = await tempDirectory()
  return { files, root: directory.path, dispose: async () => await directory[Symbol.asyncDispose]() }
})

describe('node files', () => {
  it('gives modes whatever the umask is', async () => {
    await using directory = await tempDirectory()
    const before = process.umask(0o077)
    try {
      await files.makeDirectory(`${directory.path}/a/b`, 0o755)
      await files.writeNew(`${directory.path}/a/file`, '', 0o644)
    } finally {
      process.umask(before)
    }
    assert.equal((await files.facts(`${directory.path}/a`))?.mode, 0o755)
    assert.equal((await files.facts(`${directory.path}/a/b`))?.mode, 0o755)
    assert.equal((await files.facts(`${directory.path}/a/file`))?.mode, 0o644)
  })

  it('leaves no temporary file when the last step fails', async () => {
    await using directory = await tempDirectory()
    await files.makeDirectory(`${directory.path}/taken`, 0o700)
    await files.writeNew(`${directory.path}/taken/file`, '', 0o600)
    const path = `${directory.path}/taken`
    await assert.rejects(files.replace(path, 'x', 0o600), { code: 'EISDIR' })
    await assert.rejects(files.replaceLink(path, 'x'), { code: 'EISDIR' })
    await assert.rejects(files.writeNew(path, 'x', 0o600), { code: 'EEXIST' })
    assert.deepEqual(await files.list(directory.path), ['taken'])
  })

  it('does not write through a temporary name that somebody else put there', async () => {
    await using directory = await tempDirectory()
    const predictable = nodeFiles({ id: () => 'known' })
    writeFileSync(`${directory.path}/victim`, 'kept')
    await files.replaceLink(`${directory.path}/.certwright-tmp-known`, 'victim')
    await assert.rejects(predictable.replace(`${directory.path}/a`, 'x', 0o600), { code: 'EEXIST' })
    assert.equal(readFileSync(`${directory.path}/victim`, 'utf8'), 'kept')
    assert.deepEqual(await files.list(directory.path), ['.certwright-tmp-known', 'victim'])
  })

  it('does not wait at a named pipe', async () => {
    await using directory = await tempDirectory()
    execFileSync('mkfifo', [`${directory.path}/pipe`])
    await assert.rejects(files.read(`${directory.path}/pipe`), { code: 'EINVAL' })
    assert.equal((await files.facts(`${directory.path}/pipe`))?.kind, 'other')
  })

  it('reads files that say they are empty', {
    skip: process.platform !== 'linux' && 'needs /proc',
  }, async () => {
    const content = await files.read('/proc/self/status')
    assert.match(Buffer.from(content ?? []).toString(), /^Name:/)
  })

  const asRoot = process.getuid?.() === 0
  it('passes the errors of the system on', { skip: asRoot && 'root may do everything' }, async () => {
    await using directory = await tempDirectory()
    chmodSync(directory.path, 0o500)
    await assert.rejects(files.writeNew(`${directory.path}/a`, '', 0o600), { code: 'EACCES' })
  })
})

it('does not take a file where a directory should be for nothing', async () => {
  await using directory = await tempDirectory()
  const path = join(directory.path, 'file')
  await files.writeNew(path, 'text', 0o600)
  for (const below of [join(path, 'a'), join(path, 'a', 'b')]) {
    await assert.rejects(files.read(below), { code: 'ENOTDIR' })
    await assert.rejects(files.list(below), { code: 'ENOTDIR' })
  }
  assert.equal(await files.read(join(directory.path, 'missing', 'a')), undefined)
  assert.deepEqual(await files.list(join(directory.path, 'missing', 'a')), [])
})
