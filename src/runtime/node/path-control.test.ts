import assert from 'node:assert/strict'
import { chmodSync, chownSync, lchownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { tempDirectory } from '../../../test/support/temp-directory.ts'
import { followPath, programWeakness, strangersLink } from './path-control.ts'

const asRoot = { skip: process.getuid?.() === 0 ? false : 'only root can give files away' }
const stranger = 12_345

/** root/ with dir/file, and link -> dir. */
async function place() {
  const directory = await tempDirectory()
  const { path } = directory
  mkdirSync(`${path}/dir`, { mode: 0o755 })
  writeFileSync(`${path}/dir/file`, '', { mode: 0o755 })
  symlinkSync('dir', `${path}/link`)
  return { path, [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose]() }
}

test('a path is followed to an end without links, also beyond what exists', async () => {
  await using here = await place()
  const { path } = here
  symlinkSync(`${path}/link/../link/file`, `${path}/absolute`)
  assert.equal(followPath(`${path}/link/file`).end, `${path}/dir/file`)
  assert.equal(followPath(`${path}/absolute`).end, `${path}/dir/file`)
  assert.equal(followPath(`${path}/./dir//../link/none/below`).end, `${path}/dir/none/below`)
  assert.equal(followPath('/').end, '/')
  assert.equal(followPath('/../..').end, '/')
  assert.deepEqual(
    followPath(`${path}/link/file`)
      .steps.slice(-3)
      .map(step => step.path),
    [`${path}/link`, `${path}/dir`, `${path}/dir/file`],
  )
})

test('links in a circle are found', async () => {
  await using here = await place()
  symlinkSync('b', `${here.path}/a`)
  symlinkSync('a', `${here.path}/b`)
  assert.throws(() => followPath(`${here.path}/a`), { code: 'ELOOP' })
})

test('links that only root or we could have made are followed', async () => {
  await using here = await place()
  assert.equal(strangersLink(followPath(`${here.path}/link/file`)), undefined)
})

test('a link in a directory that everybody may write is not followed, unless the directory is sticky', async () => {
  await using here = await place()
  mkdirSync(`${here.path}/open`)
  symlinkSync('../dir', `${here.path}/open/link`)
  const found = () => strangersLink(followPath(`${here.path}/open/link/file`))?.path
  chmodSync(`${here.path}/open`, 0o777)
  assert.equal(found(), `${here.path}/open/link`)
  chmodSync(`${here.path}/open`, 0o1777)
  assert.equal(found(), undefined)
})

test("a stranger's link, and a link below a stranger's directory, are not followed", asRoot, async () => {
  await using here = await place()
  const { path } = here
  symlinkSync('dir', `${path}/theirs`)
  lchownSync(`${path}/theirs`, stranger, stranger)
  assert.equal(strangersLink(followPath(`${path}/theirs`))?.path, `${path}/theirs`)
  mkdirSync(`${path}/home/deep`, { recursive: true })
  symlinkSync(`${path}/dir`, `${path}/home/deep/link`)
  chownSync(`${path}/home`, stranger, stranger)
  assert.equal(strangersLink(followPath(`${path}/home/deep/link/file`))?.path, `${path}/home/deep/link`)
  assert.equal(strangersLink(followPath(`${path}/home/deep`)), undefined, 'there is no link on this way')
})

test('a link in a directory of a group of strangers is not followed', asRoot, async () => {
  await using here = await place()
  mkdirSync(`${here.path}/group`)
  symlinkSync('../dir', `${here.path}/group/link`)
  chownSync(`${here.path}/group`, 0, stranger)
  chmodSync(`${here.path}/group`, 0o775)
  assert.equal(strangersLink(followPath(`${here.path}/group/link`))?.path, `${here.path}/group/link`)
})

test('a program is weak where everybody may write it or a directory on its way', async () => {
  await using here = await place()
  const { path } = here
  assert.equal(programWeakness(`${path}/link/file`), undefined)
  chmodSync(`${path}/dir/file`, 0o777)
  assert.equal(programWeakness(`${path}/link/file`)?.path, `${path}/dir/file`)
  chmodSync(`${path}/dir/file`, 0o755)
  chmodSync(`${path}/dir`, 0o777)
  assert.equal(programWeakness(`${path}/link/file`)?.path, `${path}/dir`)
})

test('a program of a stranger is weak for root', asRoot, async () => {
  await using here = await place()
  const { path } = here
  chownSync(`${path}/dir`, stranger, stranger)
  assert.equal(programWeakness(`${path}/dir/file`)?.path, `${path}/dir`)
  chownSync(`${path}/dir`, 0, 0)
  lchownSync(`${path}/link`, stranger, stranger)
  assert.equal(programWeakness(`${path}/link/file`)?.path, `${path}/link`)
  chownSync(`${path}/dir/file`, stranger, stranger)
  assert.equal(programWeakness(`${path}/dir/file`)?.path, `${path}/dir/file`)
})
