/** What every implementation of FsOps must do, as tests. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { FsOps } from '../runtime/files.ts'

/** An empty place for one test: the files, and the path of a directory that exists in them. */
export type FilesUnderTest = {
  readonly files: FsOps
  readonly root: string
  readonly dispose?: () => Promise<void>
}

/** Declares the tests for the implementation that `open` makes. */
export function testFiles(name: string, open: () => Promise<FilesUnderTest>): void {
  describe(`${name} as files`, () => {
    for (const [title, check] of Object.entries(checks)) {
      it(title, async () => {
        const { files, root, dispose } = await open()
        try {
          await check(files, root)
        } finally {
          await dispose?.()
        }
      })
    }
  })
}

const checks: Readonly<Record<string, (files: FsOps, root: string) => Promise<void>>> = {
  'reads what was written, text as UTF-8 and bytes as they are': async (files, root) => {
    await files.writeNew(`${root}/text`, 'grüße', 0o600)
    await files.replace(`${root}/bytes`, new Uint8Array([0, 255, 10]), 0o600)
    assert.equal(await textOf(files, `${root}/text`), 'grüße')
    assert.deepEqual(await files.read(`${root}/bytes`), new Uint8Array([0, 255, 10]))
  },
  'has no content, facts, names or target for what does not exist': async (files, root) => {
    assert.equal(await files.read(`${root}/none`), undefined)
    assert.equal(await files.read(`${root}/none/below`), undefined)
    assert.equal(await files.facts(`${root}/none`), undefined)
    assert.equal(await files.readLink(`${root}/none`), undefined)
    assert.deepEqual(await files.list(`${root}/none`), [])
  },
  'refuses to read more than the limit, and reads exactly the limit': async (files, root) => {
    await files.writeNew(`${root}/five`, '12345', 0o600)
    await assert.rejects(files.read(`${root}/five`, { maxBytes: 4 }), { code: 'EFBIG' })
    assert.equal((await files.read(`${root}/five`, { maxBytes: 5 }))?.length, 5)
  },
  'refuses to read a directory': async (files, root) => {
    await assert.rejects(files.read(root), { code: 'EISDIR' })
  },
  'writes a new file only where there is none': async (files, root) => {
    await files.writeNew(`${root}/a`, 'first', 0o600)
    await assert.rejects(files.writeNew(`${root}/a`, 'second', 0o600), { code: 'EEXIST' })
    await files.replaceLink(`${root}/dangling`, 'nowhere')
    await assert.rejects(files.writeNew(`${root}/dangling`, 'second', 0o600), { code: 'EEXIST' })
    assert.equal(await textOf(files, `${root}/a`), 'first')
    assert.deepEqual(await files.list(root), ['a', 'dangling'])
  },
  'writes a directory with all its files, only where there is none': async (files, root) => {
    const content = [
      { name: 'a', content: 'first', mode: 0o600 },
      { name: 'b', content: new Uint8Array([1]), mode: 0o644 },
    ]
    await files.writeDirectory(`${root}/whole`, content, 0o700)
    assert.deepEqual(await files.list(`${root}/whole`), ['a', 'b'])
    assert.equal(await textOf(files, `${root}/whole/a`), 'first')
    const [whole, a, b] = [
      await files.facts(`${root}/whole`),
      await files.facts(`${root}/whole/a`),
      await files.facts(`${root}/whole/b`),
    ]
    assert.deepEqual([whole?.mode, a?.mode, b?.mode], [0o700, 0o600, 0o644])
    await files.replaceLink(`${root}/dangling`, 'nowhere')
    for (const taken of ['whole', 'dangling']) {
      await assert.rejects(files.writeDirectory(`${root}/${taken}`, [], 0o700), { code: 'EEXIST' })
    }
    await assert.rejects(files.writeDirectory(`${root}/none/below`, content, 0o700), { code: 'ENOENT' })
    assert.deepEqual(await files.list(root), ['dangling', 'whole'])
  },
  'gives a file its mode, also when it replaces one with another mode': async (files, root) => {
    await files.writeNew(`${root}/a`, 'x', 0o666)
    assert.equal((await files.facts(`${root}/a`))?.mode, 0o666)
    await files.replace(`${root}/a`, 'y', 0o600)
    assert.equal((await files.facts(`${root}/a`))?.mode, 0o600)
  },
  'replaces a link itself and not what it points to': async (files, root) => {
    await files.writeNew(`${root}/target`, 'kept', 0o600)
    await files.replaceLink(`${root}/link`, 'target')
    await files.replace(`${root}/link`, 'own', 0o600)
    assert.equal(await textOf(files, `${root}/target`), 'kept')
    assert.equal((await files.facts(`${root}/link`))?.kind, 'file')
  },
  'switches a link to another target, and puts one where a file was': async (files, root) => {
    await files.replaceLink(`${root}/current`, 'one')
    await files.replaceLink(`${root}/current`, 'two')
    assert.equal(await files.readLink(`${root}/current`), 'two')
    assert.equal((await files.facts(`${root}/current`))?.kind, 'symlink')
    await files.writeNew(`${root}/file`, 'x', 0o600)
    await files.replaceLink(`${root}/file`, 'two')
    assert.equal(await files.readLink(`${root}/file`), 'two')
  },
  'reads through links on the way and at the end': async (files, root) => {
    await files.makeDirectory(`${root}/generation-1`, 0o700)
    await files.writeNew(`${root}/generation-1/cert.pem`, 'PEM', 0o600)
    await files.replaceLink(`${root}/current`, 'generation-1')
    await files.replaceLink(`${root}/cert.pem`, 'current/cert.pem')
    assert.equal(await textOf(files, `${root}/current/cert.pem`), 'PEM')
    assert.equal(await textOf(files, `${root}/cert.pem`), 'PEM')
    assert.deepEqual(await files.list(`${root}/current`), ['cert.pem'])
  },
  'makes a directory with its parents, each with the mode, and leaves existing ones alone': async (
    files,
    root,
  ) => {
    await files.makeDirectory(`${root}/a`, 0o755)
    await files.makeDirectory(`${root}/a/b/c`, 0o700)
    await files.makeDirectory(`${root}/a/b/c`, 0o777)
    const modes = await Promise.all(
      ['a', 'a/b', 'a/b/c'].map(async path => (await files.facts(`${root}/${path}`))?.mode),
    )
    assert.deepEqual(modes, [0o755, 0o700, 0o700])
  },
  'makes no directory where a file is, or below one': async (files, root) => {
    await files.writeNew(`${root}/file`, 'x', 0o600)
    await assert.rejects(files.makeDirectory(`${root}/file`, 0o700), { code: 'EEXIST' })
    await assert.rejects(files.makeDirectory(`${root}/file/below`, 0o700), { code: 'ENOTDIR' })
  },
  'takes a link to a directory for a directory': async (files, root) => {
    await files.makeDirectory(`${root}/real`, 0o700)
    await files.replaceLink(`${root}/link`, 'real')
    await files.makeDirectory(`${root}/link`, 0o700)
    await files.makeDirectory(`${root}/link/below`, 0o700)
    assert.equal((await files.facts(`${root}/real/below`))?.kind, 'directory')
  },
  'lists names sorted by their code units': async (files, root) => {
    for (const name of ['b', 'a', 'B', '10', '9']) await files.writeNew(`${root}/${name}`, '', 0o600)
    assert.deepEqual(await files.list(root), ['10', '9', 'B', 'a', 'b'])
  },
  'fails to write below a directory that does not exist': async (files, root) => {
    await assert.rejects(files.writeNew(`${root}/none/a`, '', 0o600), { code: 'ENOENT' })
    await assert.rejects(files.replace(`${root}/none/a`, '', 0o600), { code: 'ENOENT' })
    await assert.rejects(files.replaceLink(`${root}/none/a`, 'x'), { code: 'ENOENT' })
  },
  'does not replace a directory by a file': async (files, root) => {
    await files.makeDirectory(`${root}/directory`, 0o700)
    await assert.rejects(files.replace(`${root}/directory`, 'x', 0o600), { code: 'EISDIR' })
    assert.deepEqual(await files.list(root), ['directory'])
  },
  'renames files and directories to free names only': async (files, root) => {
    await files.makeDirectory(`${root}/a`, 0o700)
    await files.writeNew(`${root}/a/file`, 'x', 0o600)
    await files.writeNew(`${root}/taken`, 'kept', 0o600)
    await assert.rejects(files.rename(`${root}/a/file`, `${root}/taken`), { code: 'EEXIST' })
    await assert.rejects(files.rename(`${root}/none`, `${root}/free`), { code: 'ENOENT' })
    await files.rename(`${root}/a`, `${root}/b`)
    assert.equal(await textOf(files, `${root}/b/file`), 'x')
    assert.equal(await textOf(files, `${root}/taken`), 'kept')
    assert.equal(await files.facts(`${root}/a`), undefined)
  },
  'removes a tree without following its links, and is content when nothing is there': async (files, root) => {
    await files.makeDirectory(`${root}/kept`, 0o700)
    await files.writeNew(`${root}/kept/file`, 'x', 0o600)
    await files.makeDirectory(`${root}/tree/deep`, 0o700)
    await files.replaceLink(`${root}/tree/link`, '../kept')
    await files.remove(`${root}/tree`)
    await files.remove(`${root}/tree`)
    await files.remove(`${root}/none/below`)
    assert.deepEqual(await files.list(root), ['kept'])
    assert.equal(await textOf(files, `${root}/kept/file`), 'x')
  },
  'tells files apart by their inode': async (files, root) => {
    await files.writeNew(`${root}/a`, '1', 0o600)
    const before = await files.facts(`${root}/a`)
    await files.writeNew(`${root}/b`, '1', 0o600)
    const other = await files.facts(`${root}/b`)
    assert.notEqual(before?.ino, other?.ino)
    assert.deepEqual(await files.facts(`${root}/a`), before)
    assert.equal(before?.size, 1)
    assert.equal(before?.kind, 'file')
  },
}

async function textOf(files: FsOps, path: string): Promise<string> {
  return Buffer.from((await files.read(path)) ?? []).toString('utf8')
}
