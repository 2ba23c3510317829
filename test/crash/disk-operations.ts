/**
 * Operations on a disk, each in a directory of its own: what lies there before, and what is done. As a program it carries
 * them out on the real disk, below the directory that it is given, and says by a look at a name when each begins and ends.
 */
import { accessSync } from 'node:fs'
import type { FsOps } from '../../src/runtime/files.ts'
import { nodeFiles } from '../../src/runtime/node/files.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'

type Operation = {
  readonly prepare: (files: FsOps, root: string) => Promise<unknown>
  readonly run: (files: FsOps, root: string) => Promise<unknown>
}

const oldDirectory = (path: string) => async (files: FsOps, root: string) => {
  await files.makeDirectory(`${root}/${path}`, 0o700)
  for (const name of ['one', 'two']) await files.writeNew(`${root}/${path}/${name}`, `old ${name}`, 0o600)
}

export const operations: Readonly<Record<string, Operation>> = {
  'make-directory': {
    prepare: async () => {},
    run: (files, root) => files.makeDirectory(`${root}/made/below`, 0o700),
  },
  'write-new': {
    prepare: async () => {},
    run: (files, root) => files.writeNew(`${root}/file`, 'new content', 0o600),
  },
  'write-directory': {
    prepare: async () => {},
    run: (files, root) =>
      files.writeDirectory(
        `${root}/whole`,
        ['one', 'two'].map(name => ({ name, content: `new ${name}`, mode: 0o600 })),
        0o700,
      ),
  },
  replace: {
    prepare: (files, root) => files.writeNew(`${root}/file`, 'old content', 0o600),
    run: (files, root) => files.replace(`${root}/file`, 'new content', 0o600),
  },
  'replace-link': {
    prepare: (files, root) => files.replaceLink(`${root}/link`, 'old-target'),
    run: (files, root) => files.replaceLink(`${root}/link`, 'new-target'),
  },
  rename: {
    prepare: oldDirectory('from'),
    run: (files, root) => files.rename(`${root}/from`, `${root}/to`),
  },
  'rename-elsewhere': {
    prepare: async (files, root) => {
      await oldDirectory('here/from')(files, root)
      await files.makeDirectory(`${root}/there`, 0o700)
    },
    run: (files, root) => files.rename(`${root}/here/from`, `${root}/there/to`),
  },
  'remove-file': {
    prepare: (files, root) => files.writeNew(`${root}/file`, 'old content', 0o600),
    run: (files, root) => files.remove(`${root}/file`),
  },
  'remove-directory': {
    prepare: oldDirectory('whole'),
    run: (files, root) => files.remove(`${root}/whole`),
  },
}

/** What a look at one of these names means. */
export const marks = { begin: 'operation-begins-here', end: 'operation-ends-here' } as const

async function carryOut(place: string): Promise<void> {
  const files = nodeFiles(seededRandom())
  for (const [name, { prepare, run }] of Object.entries(operations)) {
    const root = `${place}/${name}`
    await files.makeDirectory(root, 0o700)
    await prepare(files, root)
    say(root, marks.begin)
    await run(files, root)
    say(root, marks.end)
  }
}

function say(root: string, mark: string): void {
  try {
    accessSync(`${root}/${mark}`)
  } catch {
    // It is never there: the look itself is what is said.
  }
}

const [, , place] = process.argv
if (import.meta.main && place !== undefined) await carryOut(place)
