/** What every implementation of TargetFiles must do, as tests. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { sha256Hex } from '../base/sha256.ts'
import type { FsOps } from '../runtime/files.ts'
import type { TargetFile, TargetFiles } from '../runtime/target-files.ts'

/** The implementation, the files it works on, and an empty directory in them. */
export type TargetFilesUnderTest = {
  readonly targets: TargetFiles
  readonly files: FsOps
  readonly root: string
  readonly dispose?: () => Promise<void>
}

/** Declares the tests for the implementation that `open` makes. */
export function testTargetFiles(name: string, open: () => Promise<TargetFilesUnderTest>): void {
  describe(`${name} as target files`, () => {
    for (const [title, check] of Object.entries(checks)) {
      it(title, async () => {
        const under = await open()
        try {
          await check(under)
        } finally {
          await under.dispose?.()
        }
      })
    }
  })
}

type Check = (under: TargetFilesUnderTest) => Promise<void>

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text))

function wanted(root: string, contents: Readonly<Record<string, string>>, mode = 0o640): TargetFile[] {
  return Object.entries(contents).map(([name, text]) => ({
    ...{ path: `${root}/${name}`, content: bytes(text), mode },
  }))
}

/** Every file with its content and mode. */
async function contentOf(files: FsOps, root: string): Promise<Readonly<Record<string, string>>> {
  const found: Record<string, string> = {}
  for (const name of await files.list(root)) {
    const facts = await files.facts(`${root}/${name}`)
    if (facts?.kind !== 'file') continue
    const text = Buffer.from((await files.read(`${root}/${name}`)) ?? []).toString()
    found[name] = `${facts.mode.toString(8)} ${text}`
  }
  return found
}

const checks: Readonly<Record<string, Check>> = {
  'names nothing before it is told to, and then everything': async ({ targets, files, root }) => {
    await files.writeNew(`${root}/a`, 'old', 0o600)
    const prepared = await targets.prepare(wanted(root, { a: 'new', b: 'first' }))
    assert.equal(prepared.changes, true)
    const shown = ({ a, b }: Readonly<Record<string, string>>) => [a, b]
    assert.deepEqual(shown(await contentOf(files, root)), ['600 old', undefined])
    await prepared.commit()
    assert.deepEqual(shown(await contentOf(files, root)), ['640 new', '640 first'])
    await prepared.keep()
    assert.deepEqual(await contentOf(files, root), { a: '640 new', b: '640 first' })
  },
  'goes back to what lay there when two servers read the same files': async ({ targets, files, root }) => {
    await files.writeNew(`${root}/cert`, 'old', 0o600)
    await files.writeNew(`${root}/key`, 'old', 0o600)
    const before = await contentOf(files, root)
    const same = wanted(root, { cert: 'new', key: 'new' })
    for (const order of ['as committed', 'the other way round', 'only the first committed'] as const) {
      const one = await targets.prepare(same)
      const other = await targets.prepare(same)
      await one.commit()
      if (order !== 'only the first committed') await other.commit()
      const { cert, key } = await contentOf(files, root)
      assert.deepEqual([cert, key], ['640 new', '640 new'], order)
      for (const each of order === 'as committed' ? [one, other] : [other, one]) await each.undo()
      assert.deepEqual(await contentOf(files, root), before, order)
    }
    const both = [await targets.prepare(same), await targets.prepare(same)]
    for (const each of both) await each.commit()
    for (const each of both) await each.keep()
    assert.deepEqual(await contentOf(files, root), { cert: '640 new', key: '640 new' })
  },
  'tells what lies there in the end': async ({ targets, files, root }) => {
    const prepared = await targets.prepare(wanted(root, { a: 'one', b: 'two' }, 0o600))
    await prepared.commit()
    await prepared.keep()
    assert.deepEqual(
      prepared.copies.map(({ path, sha256, mode }) => ({ path, sha256, mode })),
      ['a:one', 'b:two'].map(pair => {
        const [name, text] = pair.split(':')
        return { path: `${root}/${name}`, sha256: sha256Hex(bytes(text ?? '')), mode: 0o600 }
      }),
    )
    const facts = await files.facts(`${root}/a`)
    assert.deepEqual([prepared.copies[0]?.uid, prepared.copies[0]?.gid], [facts?.uid, facts?.gid])
  },
  'knows whether there is something to go back to': async ({ targets, files, root }) => {
    const replaces = async () => {
      const prepared = await targets.prepare(wanted(root, { a: 'x', b: 'y' }))
      await prepared.undo()
      return prepared.replaces
    }
    assert.equal(await replaces(), false)
    await files.writeNew(`${root}/b`, 'old', 0o600)
    assert.equal(await replaces(), true)
  },
  'leaves alone what lies there as wanted': async ({ targets, files, root }) => {
    await files.writeNew(`${root}/a`, 'same', 0o640)
    const before = await files.facts(`${root}/a`)
    const prepared = await targets.prepare(wanted(root, { a: 'same' }))
    assert.equal(prepared.changes, false)
    await prepared.commit()
    await prepared.keep()
    assert.deepEqual(await files.facts(`${root}/a`), before)
  },
  'gives a file with the right content the mode that is wanted': async ({ targets, files, root }) => {
    await files.writeNew(`${root}/a`, 'same', 0o644)
    const prepared = await targets.prepare(wanted(root, { a: 'same' }, 0o600))
    await prepared.commit()
    await prepared.keep()
    assert.deepEqual(await contentOf(files, root), { a: '600 same' })
  },
  'puts back what lay there, and takes away what did not': async ({ targets, files, root }) => {
    await files.writeNew(`${root}/a`, 'old', 0o604)
    const prepared = await targets.prepare(wanted(root, { a: 'new', b: 'first' }))
    await prepared.commit()
    await prepared.undo()
    assert.deepEqual(await contentOf(files, root), { a: '604 old' })
  },
  'takes away what was prepared when it is not wanted any more': async ({ targets, files, root }) => {
    await files.writeNew(`${root}/a`, 'old', 0o600)
    const prepared = await targets.prepare(wanted(root, { a: 'new', b: 'first' }))
    await prepared.undo()
    assert.deepEqual(await contentOf(files, root), { a: '600 old' })
  },
  'puts back what a process that died had kept aside': async ({ targets, files, root }) => {
    await files.writeNew(`${root}/a`, 'good', 0o600)
    const died = await targets.prepare(wanted(root, { a: 'new' }))
    await died.commit()
    const next = await targets.prepare(wanted(root, { a: 'new' }))
    assert.equal(next.changes, true, 'nobody knows yet whether it is good')
    await next.commit()
    await next.undo()
    assert.deepEqual(await contentOf(files, root), { a: '600 good' })
  },
  'forgets what a process that died had kept aside, once all is good': async ({ targets, files, root }) => {
    await files.writeNew(`${root}/a`, 'good', 0o600)
    await (await targets.prepare(wanted(root, { a: 'new' }))).commit()
    const next = await targets.prepare(wanted(root, { a: 'new' }))
    await next.commit()
    await next.keep()
    assert.deepEqual(await contentOf(files, root), { a: '640 new' })
    assert.equal((await targets.prepare(wanted(root, { a: 'new' }))).changes, false)
  },
  'puts back what was there last, also after somebody else wrote it': async ({ targets, files, root }) => {
    await files.writeNew(`${root}/a`, 'first', 0o600)
    await (await targets.prepare(wanted(root, { a: 'second' }))).commit()
    await files.replace(`${root}/a`, 'by hand', 0o600)
    const next = await targets.prepare(wanted(root, { a: 'third' }))
    await next.commit()
    await next.undo()
    assert.deepEqual(await contentOf(files, root), { a: '600 by hand' })
  },
  'does nothing when one of the files cannot be written': async ({ targets, files, root }) => {
    await files.makeDirectory(`${root}/b`, 0o755)
    await assert.rejects(targets.prepare(wanted(root, { a: 'new', b: 'x' })), { code: 'ERR_DEPLOY' })
    await assert.rejects(targets.prepare(wanted(root, { a: 'new', 'none/c': 'x' })), { code: 'ERR_DEPLOY' })
    assert.deepEqual(await files.list(root), ['b'])
  },
  'replaces no link': async ({ targets, files, root }) => {
    await files.writeNew(`${root}/other`, 'kept', 0o600)
    await files.replaceLink(`${root}/a`, 'other')
    await assert.rejects(targets.prepare(wanted(root, { a: 'new' })), { code: 'ERR_DEPLOY', message: /link/ })
    assert.deepEqual(await contentOf(files, root), { other: '600 kept' })
  },
  'makes the one directory that may be missing': async ({ targets, files, root }) => {
    const makeDirectory = `${root}/made`
    const prepared = await targets.prepare(wanted(makeDirectory, { a: 'new' }), { makeDirectory })
    await prepared.commit()
    await prepared.keep()
    assert.equal((await files.facts(makeDirectory))?.mode, 0o755)
    assert.deepEqual(await contentOf(files, makeDirectory), { a: '640 new' })
    const again = await targets.prepare(wanted(makeDirectory, { a: 'new' }), { makeDirectory })
    assert.equal(again.changes, false)
    const deep = { makeDirectory: `${root}/none/made` }
    await assert.rejects(targets.prepare([], deep), { code: 'ERR_DEPLOY' })
    assert.deepEqual(await files.list(root), ['made'])
  },
}
