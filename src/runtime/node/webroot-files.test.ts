import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, statSync, symlinkSync } from 'node:fs'
import { describe, it } from 'node:test'
import { tempDirectory } from '../../../test/support/temp-directory.ts'
import { isAppError } from '../../base/errors.ts'
import { testWebroot } from '../../testing/webroot-contract.ts'
import { nodeFiles } from './files.ts'
import { nodeRandom } from './random.ts'
import { hasHandlePaths } from './rooted-walk.ts'
import { nodeWebrootFiles } from './webroot-files.ts'

const ways = hasHandlePaths() ? [true, false] : [false]
const components = ['.well-known', 'acme-challenge', 'token']

for (const throughHandles of ways) {
  const name = throughHandles ? 'the webroot through handles' : 'the webroot by paths'
  const webroot = nodeWebrootFiles({ throughHandles })

  testWebroot(name, async () => {
    const directory = await tempDirectory()
    const files = nodeFiles(nodeRandom())
    return {
      webroot,
      files,
      root: directory.path,
      dispose: async () => await directory[Symbol.asyncDispose](),
    }
  })

  describe(name, () => {
    it('gives modes whatever the umask is', async () => {
      await using directory = await tempDirectory()
      const before = process.umask(0o077)
      try {
        await webroot.create({ root: directory.path, components }, 'x')
      } finally {
        process.umask(before)
      }
      const paths = components.map((_, index) =>
        [directory.path, ...components.slice(0, index + 1)].join('/'),
      )
      assert.deepEqual(
        paths.map(path => statSync(path).mode & 0o777),
        [0o755, 0o755, 0o644],
      )
    })

    it('does not wait at a named pipe', async () => {
      await using directory = await tempDirectory()
      execFileSync('mkfifo', [`${directory.path}/token`])
      const path = { root: directory.path, components: ['token'] }
      await webroot.remove(path, '', [])
      await assert.rejects(webroot.create(path, 'x'), { code: 'ERR_WEBROOT', message: /exists already/ })
    })

    it('says what is wrong and what to do', async () => {
      await using directory = await tempDirectory()
      const root = directory.path
      symlinkSync('/', `${root}/link`)
      const cases = [
        {
          path: { root: `${root}/none`, components },
          message: /webroot .*none.* does not exist/,
          hint: /create it/,
        },
        {
          path: { root, components: ['link', 'x'] },
          message: /link.* is a symbolic link/,
          hint: /replace it/,
        },
      ]
      for (const { path, message, hint } of cases) {
        await assert.rejects(webroot.create(path, 'x'), { code: 'ERR_WEBROOT', message, hint })
      }
    })

    it('leaves no file behind when the disk is full', async t => {
      await using directory = await tempDirectory()
      if (!mountedSmallDisk(directory.path)) return t.skip('mounting needs root on Linux')
      try {
        const path = { root: directory.path, components: ['token'] }
        const tooMuch = 'x'.repeat(64 * 1024)
        await assert.rejects(webroot.create(path, tooMuch), { code: 'ERR_WEBROOT', message: /disk is full/ })
        assert.deepEqual(readdirSync(directory.path), [])
      } finally {
        execFileSync('umount', [directory.path])
      }
    })
  })
}

describe('the webroot through handles', { skip: !hasHandlePaths() && 'needs /proc' }, () => {
  it('never writes or deletes outside while links come and go', async () => {
    await using directory = await tempDirectory()
    const root = `${directory.path}/root`
    const outside = `${directory.path}/outside`
    mkdirSync(root)
    mkdirSync(`${outside}/acme-challenge`, { recursive: true })
    const attacker = spawn(process.execPath, ['-e', swapForever, root, outside], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    try {
      await once(attacker.stdout, 'data') // it is at work
      const outcomes = { done: 0, refused: 0 }
      const webroot = nodeWebrootFiles({ throughHandles: true })
      for (let round = 0; round < 2_000; round += 1) {
        const path = { root, components: ['.well-known', 'acme-challenge', `token-${round}`] }
        try {
          await webroot.create(path, 'x')
          await webroot.remove(path, 'x', [])
          outcomes.done += 1
        } catch (error) {
          if (!isAppError(error, 'ERR_WEBROOT')) throw error
          outcomes.refused += 1
        }
        assert.deepEqual(readdirSync(`${outside}/acme-challenge`), [], `round ${round}`)
      }
      assert.ok(outcomes.refused > 0, 'the attack was met')
    } finally {
      attacker.kill('SIGKILL')
      await once(attacker, 'exit')
    }
  })
})

/** Makes `.well-known` a directory and a link to the outside by turns. */
const swapForever = `
  const { mkdirSync, renameSync, rmSync, symlinkSync } = require('node:fs')
  const [root, outside] = process.argv.slice(1)
  const place = root + '/.well-known'
  const quietly = act => { try { act() } catch {} }
  process.stdout.write('ready')
  for (let round = 0; ; round += 1) {
    quietly(() => mkdirSync(place + '/acme-challenge', { recursive: true }))
    quietly(() => symlinkSync(outside, root + '/link'))
    quietly(() => renameSync(place, root + '/aside'))
    quietly(() => renameSync(root + '/link', place))
    quietly(() => rmSync(place))
    quietly(() => rmSync(root + '/aside', { recursive: true, force: true }))
  }
`

/** Whether a disk of one page could be put at `path`. */
function mountedSmallDisk(path: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4k', 'tmpfs', path], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
