/** What every implementation of WebrootFiles must do, as tests. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { FsOps } from '../runtime/files.ts'
import type { RootedPath, WebrootFiles } from '../runtime/webroot-files.ts'

/** The implementation, the files it works on, and an empty directory in them. */
export type WebrootUnderTest = {
  readonly webroot: WebrootFiles
  readonly files: FsOps
  readonly root: string
  readonly dispose?: () => Promise<void>
}

/** Declares the tests for the implementation that `open` makes. */
export function testWebroot(name: string, open: () => Promise<WebrootUnderTest>): void {
  describe(`${name} as webroot files`, () => {
    for (const [title, check] of Object.entries(checks)) {
      it(title, async () => {
        const under = await open()
        try {
          await check(under, { root: under.root, components: ['.well-known', 'acme-challenge', 'token'] })
        } finally {
          await under.dispose?.()
        }
      })
    }
  })
}

type Check = (under: WebrootUnderTest, path: RootedPath) => Promise<void>

const checks: Readonly<Record<string, Check>> = {
  'counts the directories that are missing': async ({ webroot, files, root }, path) => {
    assert.deepEqual(await webroot.missingDirectories(path), [1, 2])
    await files.makeDirectory(`${root}/.well-known`, 0o755)
    assert.deepEqual(await webroot.missingDirectories(path), [2])
    await files.makeDirectory(`${root}/.well-known/acme-challenge`, 0o755)
    assert.deepEqual(await webroot.missingDirectories(path), [])
    assert.deepEqual(await webroot.missingDirectories({ root, components: ['file'] }), [])
  },
  'creates readable directories and a readable file, and removes them without a trace': async (
    under,
    path,
  ) => {
    const { webroot, files, root } = under
    const missing = await webroot.missingDirectories(path)
    await webroot.create(path, 'content')
    const file = `${root}/.well-known/acme-challenge/token`
    assert.equal(Buffer.from((await files.read(file)) ?? []).toString(), 'content')
    assert.equal((await files.facts(file))?.mode, 0o644)
    assert.equal((await files.facts(`${root}/.well-known`))?.mode, 0o755)
    assert.equal((await files.facts(`${root}/.well-known/acme-challenge`))?.mode, 0o755)
    await webroot.remove(path, 'content', missing)
    assert.deepEqual(await files.list(root), [])
  },
  'refuses a file that exists and leaves it as it is': async ({ webroot, files, root }, path) => {
    await webroot.create(path, 'first')
    await assert.rejects(webroot.create(path, 'second'), { code: 'ERR_WEBROOT' })
    const content = await files.read(`${root}/.well-known/acme-challenge/token`)
    assert.equal(Buffer.from(content ?? []).toString(), 'first')
  },
  'removes nothing with another content': async ({ webroot, files, root }, path) => {
    await webroot.create(path, 'content')
    await webroot.remove(path, 'Content', [1, 2])
    await webroot.remove(path, '+content', [1, 2])
    await webroot.remove(path, 'conten', [1, 2])
    assert.deepEqual(await files.list(`${root}/.well-known/acme-challenge`), ['token'])
  },
  'removes what a killed process had only begun to write': async ({ webroot, files, root }, path) => {
    for (const begun of ['', 'cont']) {
      await webroot.create(path, begun)
      await webroot.remove(path, 'content', [1, 2])
      assert.deepEqual(await files.list(root), [])
    }
  },
  'removes no directory that others use': async ({ webroot, files, root }, path) => {
    await webroot.create(path, 'content')
    await files.writeNew(`${root}/.well-known/other`, '', 0o644)
    await webroot.remove(path, 'content', [1, 2])
    assert.deepEqual(await files.list(`${root}/.well-known`), ['other'])
  },
  'removes no directory that is not asked for': async ({ webroot, files, root }, path) => {
    await webroot.create(path, 'content')
    await webroot.remove(path, 'content', [2])
    assert.deepEqual(await files.list(root), ['.well-known'])
    assert.deepEqual(await files.list(`${root}/.well-known`), [])
  },
  'removes again, and half of it, without complaint': async ({ webroot, files, root }, path) => {
    await webroot.remove(path, 'content', [1, 2])
    await files.makeDirectory(`${root}/.well-known`, 0o755)
    await webroot.remove(path, 'content', [1, 2])
    assert.deepEqual(await files.list(root), [])
  },
  'goes through no link below the root': async ({ webroot, files, root }, path) => {
    await files.makeDirectory(`${root}/elsewhere/acme-challenge`, 0o755)
    await files.writeNew(`${root}/elsewhere/acme-challenge/token`, 'content', 0o644)
    await files.replaceLink(`${root}/.well-known`, 'elsewhere')
    await assert.rejects(webroot.missingDirectories(path), { code: 'ERR_WEBROOT', message: /link/ })
    await assert.rejects(webroot.create(path, 'content'), { code: 'ERR_WEBROOT', message: /link/ })
    await assert.rejects(webroot.remove(path, 'content', [1, 2]), { code: 'ERR_WEBROOT', message: /link/ })
    assert.deepEqual(await files.list(`${root}/elsewhere/acme-challenge`), ['token'])
  },
  'follows links on the way to the root': async ({ webroot, files, root }, { components }) => {
    await files.makeDirectory(`${root}/real`, 0o755)
    await files.replaceLink(`${root}/link`, 'real')
    await webroot.create({ root: `${root}/link`, components }, 'content')
    assert.deepEqual(await files.list(`${root}/real/.well-known/acme-challenge`), ['token'])
  },
  'refuses a root that is missing': async ({ webroot, root }, { components }) => {
    const path = { root: `${root}/none`, components }
    await assert.rejects(webroot.create(path, 'content'), { code: 'ERR_WEBROOT' })
    await assert.rejects(webroot.missingDirectories(path), { code: 'ERR_WEBROOT' })
  },
  'refuses a root and a component that are files': async ({ webroot, files, root }, path) => {
    await files.writeNew(`${root}/file`, '', 0o644)
    await assert.rejects(webroot.create({ ...path, root: `${root}/file` }, ''), { code: 'ERR_WEBROOT' })
    await files.writeNew(`${root}/.well-known`, '', 0o644)
    await assert.rejects(webroot.create(path, ''), { code: 'ERR_WEBROOT' })
  },
  'does not take a link for its file': async ({ webroot, files, root }) => {
    await files.writeNew(`${root}/other`, 'content', 0o644)
    await files.replaceLink(`${root}/token`, 'other')
    const path = { root, components: ['token'] }
    await assert.rejects(webroot.create(path, 'content'), { code: 'ERR_WEBROOT' })
    await webroot.remove(path, 'content', [])
    assert.deepEqual(await files.list(root), ['other', 'token'])
  },
  'refuses components that are no names': async ({ webroot, root }) => {
    for (const name of ['..', '.', '', 'a/b', 'a\0b']) {
      const path = { root, components: ['x', name] }
      await assert.rejects(webroot.create(path, ''), { code: 'ERR_WEBROOT' }, JSON.stringify(name))
      await assert.rejects(webroot.remove(path, '', []), { code: 'ERR_WEBROOT' }, JSON.stringify(name))
    }
    await assert.rejects(webroot.create({ root, components: [] }, ''), { code: 'ERR_WEBROOT' })
  },
}
