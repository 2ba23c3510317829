import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { tempDirectory } from '../../../test/support/temp-directory.ts'
import { nodeTryLock } from './lock.ts'

const tryLock = nodeTryLock()

describe('node lock', () => {
  it('is held once in a process, by path whatever its spelling', async () => {
    await using directory = await tempDirectory()
    const path = `${directory.path}/lock`
    const lock = await tryLock(path, 'first')
    assert.ok('path' in lock)
    assert.deepEqual(await tryLock(`${directory.path}/./lock`, 'second'), {
      holder: `first (pid ${process.pid})`,
    })
    assert.deepEqual(await nodeTryLock()(path, 'third'), { holder: `first (pid ${process.pid})` })
    await lock[Symbol.asyncDispose]()
    await using again = await lockOf(path, 'fourth')
    assert.equal(again.path, path)
    assert.deepEqual(await tryLock(path, 'fifth'), { holder: `fourth (pid ${process.pid})` })
  })

  it('is independent of other paths', async () => {
    await using directory = await tempDirectory()
    await using one = await lockOf(`${directory.path}/one`, '')
    await using two = await lockOf(`${directory.path}/two`, '')
    assert.notEqual(one.path, two.path)
  })

  it('may be released twice without freeing the next holder', async () => {
    await using directory = await tempDirectory()
    const path = `${directory.path}/lock`
    const first = await lockOf(path, 'first')
    await first[Symbol.asyncDispose]()
    await using second = await lockOf(path, 'second')
    await first[Symbol.asyncDispose]()
    assert.deepEqual(await tryLock(second.path, 'third'), { holder: `second (pid ${process.pid})` })
  })

  it('says who holds it only while it is held, and the text is fit for a terminal', async () => {
    await using directory = await tempDirectory()
    const path = `${directory.path}/lock`
    const lock = await lockOf(path, 'renew')
    assert.equal(readFileSync(`${path}.holder`, 'utf8'), `renew (pid ${process.pid})`)
    writeFileSync(`${path}.holder`, 'a\u001b[31m')
    assert.deepEqual(await tryLock(path, ''), { holder: 'a\\u{1b}[31m' })
    await lock[Symbol.asyncDispose]()
    assert.equal(readFileSync(`${path}.holder`, 'utf8'), '')
  })

  it('makes its directory, closed to others', async () => {
    await using directory = await tempDirectory()
    await using lock = await lockOf(`${directory.path}/a/b/lock`, '')
    assert.equal(statSync(`${directory.path}/a/b`).mode & 0o777, 0o700)
    assert.equal(statSync(lock.path).isFile(), true)
  })

  it('is freed by the kernel when its holder is killed', async () => {
    await using directory = await tempDirectory()
    const path = `${directory.path}/lock`
    await using holder = await startHolder(path)
    assert.deepEqual(await tryLock(path, 'parent'), { holder: `child (pid ${holder.pid})` })
    await holder[Symbol.asyncDispose]()
    await using lock = await lockOf(path, 'parent')
    assert.equal(lock.path, path)
  })

  it('stays held when the lock value is forgotten', async () => {
    await using directory = await tempDirectory()
    const path = `${directory.path}/lock`
    await using holder = await startHolder(path, 'for (let round = 0; round < 20; round += 1) gc()')
    assert.deepEqual(await tryLock(path, 'parent'), { holder: `child (pid ${holder.pid})` })
  })

  it('prints no warning, and swallows none of others', async () => {
    await using directory = await tempDirectory()
    const program = `${takeLock(`${directory.path}/lock`)}; process.emitWarning('of others')`
    const { stderr } = spawnSync(process.execPath, [...evaluate, program], { encoding: 'utf8' })
    assert.match(stderr, /of others/)
    assert.doesNotMatch(stderr, /SQLite/)
  })

  it('says what is wrong when it cannot be taken at all', async () => {
    await using directory = await tempDirectory()
    await assert.rejects(tryLock(directory.path, ''), {
      code: 'ERR_STORE',
      message: /lock .* cannot be taken/,
    })
    await assert.rejects(tryLock('/proc/none/lock', ''), { code: 'ERR_STORE' })
  })
})

async function lockOf(path: string, about: string): Promise<AsyncDisposable & { readonly path: string }> {
  const lock = await tryLock(path, about)
  assert.ok('path' in lock, `held by ${'holder' in lock ? lock.holder : ''}`)
  return lock
}

const evaluate = ['--expose-gc', '--input-type=module', '--eval']

/** A program that takes the lock as `child`. */
function takeLock(path: string): string {
  const module = new URL('./lock.ts', import.meta.url).href
  return `const { nodeTryLock } = await import('${module}'); await nodeTryLock()('${path}', 'child')`
}

/** A process that takes the lock, runs `script`, says so, and waits until it is killed. */
async function startHolder(
  path: string,
  script = '',
): Promise<AsyncDisposable & { readonly pid: number | undefined }> {
  const program = `${takeLock(path)}; ${script}; process.stdout.write('ready'); setInterval(() => {}, 1_000)`
  const child = spawn(process.execPath, [...evaluate, program], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  await Promise.race([once(child.stdout, 'data'), exited])
  return {
    pid: child.pid,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL')
      await exited
    },
  }
}
