import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { test } from 'node:test'
import { tempDirectory } from '../../../test/support/temp-directory.ts'
import { isAppError } from '../../base/errors.ts'
import { testTargetFiles } from '../../testing/target-files-contract.ts'
import { nodeFiles } from './files.ts'
import { nodeRandom } from './random.ts'
import { hasHandlePaths } from './rooted-walk.ts'
import { nodeTargetFiles } from './target-files.ts'

const files = nodeFiles(nodeRandom())
for (const throughHandles of hasHandlePaths() ? [true, false] : [false]) {
  testTargetFiles(`node${throughHandles ? '' : ' by paths'}`, async () => {
    const directory = await tempDirectory()
    return {
      targets: nodeTargetFiles({ throughHandles }),
      files,
      root: directory.path,
      dispose: async () => directory[Symbol.asyncDispose](),
    }
  })
}

const targets = nodeTargetFiles()
const bytes = (text: string) => new Uint8Array(Buffer.from(text))
const asRoot = { skip: process.getuid?.() === 0 ? false : 'only root can give files away' }
const stranger = 12_345

test('a file belongs to whom it should before it has its name', asRoot, async () => {
  await using directory = await tempDirectory()
  const path = `${directory.path}/key.pem`
  const prepared = await targets.prepare([
    { path, content: bytes('k'), mode: 0o440, uid: stranger, gid: 6_789 },
  ])
  const [fresh = ''] = readdirSync(directory.path)
  assert.match(fresh, /^\.certwright-new-[0-9a-f]{16}$/)
  const facts = (name: string) => {
    const { uid, gid, mode } = lstatSync(`${directory.path}/${name}`)
    return { uid, gid, mode: mode & 0o7777 }
  }
  assert.deepEqual(facts(fresh), { uid: stranger, gid: 6_789, mode: 0o440 })
  await prepared.commit()
  await prepared.keep()
  assert.deepEqual(facts('key.pem'), { uid: stranger, gid: 6_789, mode: 0o440 })
  const { uid, gid } = prepared.copies[0] ?? {}
  assert.deepEqual({ uid, gid }, { uid: stranger, gid: 6_789 })
})

test(
  'a file with another owner is replaced, and put back with that owner: it is the same file',
  asRoot,
  async () => {
    await using directory = await tempDirectory()
    const path = `${directory.path}/a`
    writeFileSync(path, 'same', { mode: 0o600 })
    chownSync(path, stranger, stranger)
    const before = statSync(path)
    const prepared = await targets.prepare([{ path, content: bytes('same'), mode: 0o600 }])
    assert.equal(prepared.changes, true)
    await prepared.commit()
    assert.equal(statSync(path).uid, 0)
    await prepared.undo()
    const { ino, uid, gid, mtimeMs } = statSync(path)
    assert.deepEqual(
      { ino, uid, gid, mtimeMs },
      { ino: before.ino, uid: stranger, gid: stranger, mtimeMs: before.mtimeMs },
    )
  },
)

test('new files that a killed process left are written anew', async () => {
  await using directory = await tempDirectory()
  const path = `${directory.path}/a`
  await targets.prepare([{ path, content: bytes('half'), mode: 0o600 }])
  const next = await targets.prepare([{ path, content: bytes('whole'), mode: 0o600 }])
  await next.commit()
  await next.keep()
  assert.deepEqual(readdirSync(directory.path), ['a'])
  assert.equal(readFileSync(path, 'utf8'), 'whole')
})

test('links on the way that nobody else could have made are followed', async () => {
  await using directory = await tempDirectory()
  mkdirSync(`${directory.path}/real`)
  symlinkSync('real', `${directory.path}/link`)
  const prepared = await targets.prepare([
    { path: `${directory.path}/link/a`, content: bytes('x'), mode: 0o600 },
  ])
  await prepared.commit()
  await prepared.keep()
  assert.deepEqual(readdirSync(`${directory.path}/real`), ['a'])
})

test("a stranger's directory is written to, and a stranger's link is not followed", asRoot, async () => {
  await using directory = await tempDirectory()
  const { path } = directory
  chmodSync(path, 0o755)
  mkdirSync(`${path}/theirs`)
  mkdirSync(`${path}/ours`)
  chownSync(`${path}/theirs`, stranger, stranger)
  const put = async (file: string) => {
    const prepared = await targets.prepare([{ path: file, content: bytes('x'), mode: 0o600 }])
    await prepared.commit()
    await prepared.keep()
  }
  await put(`${path}/theirs/a`)
  assert.deepEqual(readdirSync(`${path}/theirs`), ['a'])
  symlinkSync('../ours', `${path}/theirs/link`)
  lchownSync(`${path}/theirs/link`, stranger, stranger)
  await assert.rejects(put(`${path}/theirs/link/a`), {
    code: 'ERR_DEPLOY',
    message: /theirs\/link is a symbolic link that others could have made/,
  })
  await assert.rejects(targets.prepare([], { makeDirectory: `${path}/theirs/link/made` }), {
    code: 'ERR_DEPLOY',
  })
  assert.deepEqual(readdirSync(`${path}/ours`), [])
})

test('a directory that becomes a link while copies are ready leads nowhere', asRoot, async () => {
  await using directory = await tempDirectory()
  const { path } = directory
  chmodSync(path, 0o755)
  for (const name of ['home', 'home/certs', 'ours']) mkdirSync(`${path}/${name}`)
  chownSync(`${path}/home`, stranger, stranger)
  const file = `${path}/home/certs/a`
  const prepared = await targets.prepare([{ path: file, content: bytes('x'), mode: 0o600 }])
  renameSync(`${path}/home/certs`, `${path}/home/moved`)
  symlinkSync('../ours', `${path}/home/certs`)
  await assert.rejects(prepared.commit(), { code: 'ERR_DEPLOY' })
  await assert.rejects(prepared.undo(), { code: 'ERR_DEPLOY' })
  assert.deepEqual(readdirSync(`${path}/ours`), [])
})

test('what cannot be done says why and what would help', async () => {
  await using directory = await tempDirectory()
  const path = `${directory.path}/none/a`
  await assert.rejects(targets.prepare([{ path, content: bytes('x'), mode: 0o600 }]), {
    code: 'ERR_DEPLOY',
    message: `cannot enter ${directory.path}/none: there is no such directory`,
    hint: 'create it, or correct the path in the configuration',
  })
  mkdirSync(`${directory.path}/a`)
  await assert.rejects(targets.prepare([{ path: `${directory.path}/a`, content: bytes('x'), mode: 0o600 }]), {
    message: `cannot write ${directory.path}/a: there is a directory of that name`,
  })
})

/** Makes `certs` a directory and a link to `ours` in turn, as fast as it can, until its input ends. */
const flipper = `
const { renameSync, symlinkSync, unlinkSync } = require('node:fs')
const [, home] = process.argv
const pause = new Int32Array(new SharedArrayBuffer(4))
process.stdin.resume().on('end', () => process.exit())
process.stdout.write('ready')
const flip = () => {
  for (let count = 0; count < 50; count += 1) {
    renameSync(home + '/certs', home + '/moved')
    symlinkSync('../ours', home + '/certs')
    unlinkSync(home + '/certs')
    renameSync(home + '/moved', home + '/certs')
    if (count % 5 === 0) Atomics.wait(pause, 0, 0, 4)
  }
  setImmediate(flip)
}
flip()`

test('no race of a hostile owner leads anywhere else', asRoot, async () => {
  await using directory = await tempDirectory()
  const { path } = directory
  chmodSync(path, 0o755)
  for (const name of ['home', 'home/certs', 'ours']) mkdirSync(`${path}/${name}`)
  chownSync(`${path}/home`, stranger, stranger)
  chownSync(`${path}/home/certs`, stranger, stranger)
  const hostile = spawn(process.execPath, ['-e', flipper, `${path}/home`], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  await once(hostile.stdout, 'data')
  const start = Date.now()
  let written = 0
  let refused = 0
  // On a busy machine the other process may not get its turn for a while.
  const isEnough = () => written > 20 && refused > 100 && Date.now() - start > 1_000
  for (let round = 0; !isEnough() && Date.now() - start < 20_000; round += 1) {
    const file = { path: `${path}/home/certs/key.pem`, content: bytes(`key ${round}`), mode: 0o600 }
    try {
      const prepared = await targets.prepare([file])
      try {
        await prepared.commit()
        await (round % 2 === 0 ? prepared.keep() : prepared.undo())
        written += 1
      } catch (error) {
        await prepared.undo().catch(() => {})
        throw error
      }
    } catch (error) {
      assert.ok(isAppError(error, 'ERR_DEPLOY'), String(error))
      refused += 1
    }
    if (round % 50 === 0) await new Promise(resolve => setImmediate(resolve))
  }
  const ended = once(hostile, 'close')
  hostile.stdin.end()
  await ended
  assert.deepEqual(readdirSync(`${path}/ours`), [])
  assert.ok(written > 0 && refused > 0, `${written} written, ${refused} refused`)
})
