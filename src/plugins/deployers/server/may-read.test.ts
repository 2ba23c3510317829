import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FileKind, FsOps } from '../../../runtime/files.ts'
import { fakeRuntime } from '../../../testing/fake-runtime.ts'
import { mayRead } from './may-read.ts'

const file = '/srv/tls/key.pem'
const usual = { '/srv': [0o755, 0, 0], '/srv/tls': [0o755, 0, 0] } as const

for (const [name, facts, expected] of [
  ['its own file', { [file]: [0o600, 33, 0] }, true],
  ['one of its group', { [file]: [0o640, 0, 33] }, true],
  ['one of another group that it has', { [file]: [0o640, 0, 44] }, true],
  ['one of a group that it has not', { [file]: [0o640, 0, 45] }, false],
  ['one for everybody', { [file]: [0o644, 0, 0] }, true],
  ["root's", { [file]: [0o600, 0, 0] }, false],
  ['its own that it may not read', { [file]: [0o044, 33, 33] }, false],
  ['one in a directory that is closed', { '/srv/tls': [0o700, 0, 0], [file]: [0o644, 0, 0] }, false],
  ['one that is not there', {}, false],
] as const)
  test(`a process reads ${name}: ${expected}`, async () => {
    const all = new Map<string, readonly [number, number, number]>(Object.entries({ ...usual, ...facts }))
    const { files } = fakeRuntime()
    const disk: FsOps = {
      ...files,
      facts: async path => {
        const [mode, uid, gid] = all.get(path) ?? []
        if (mode === undefined || uid === undefined || gid === undefined) return undefined
        const kind: FileKind = path === file ? 'file' : 'directory'
        return { kind, mode, uid, gid, size: 0, mtimeMs: 0, ctimeMs: 0, dev: 1, ino: 1 }
      },
    }
    assert.equal(await mayRead({ uid: 33, gid: 33, groups: [33, 44] }, file, { files: disk }), expected)
    assert.equal(await mayRead({ uid: 0, gid: 0 }, file, { files: disk }), true)
  })
