/** Files in memory. */
import { posix } from 'node:path'
import type { Clock } from '../runtime/clock.ts'
import type { FsOps } from '../runtime/files.ts'
import {
  emptyTree,
  fakeSystemError,
  find,
  type MemoryDirectory,
  type MemoryEntry,
  type Meta,
  type Place,
  walk,
} from './memory-tree.ts'

const defaultMaxBytes = 1024 * 1024
/** Less than a step of the clock, more than the precision of a time in milliseconds. */
const tickMs = 0.001
/** All files of the tree belong to this user and group. */
const owner = 0

/** {@link FsOps} in memory, and the ways in which tests look at it. */
export interface MemoryFiles extends FsOps {
  /** Every file and link by path: its text, or `-> target`. Directories are not in it. */
  snapshot(): ReadonlyMap<string, string>
  /** Puts a file there, with the directories that are missing; for preparing a test. */
  put(path: string, content: Uint8Array | string, mode?: number): Promise<void>
  /** The text of a file, which must be there. */
  text(path: string): Promise<string>
}

/** An empty disk. */
export function memoryFiles({ clock }: { readonly clock: Pick<Clock, 'now'> }): MemoryFiles {
  const root = emptyTree()
  let lastIno = root.ino
  let changes = 0
  // Every change is later than the one before, also while the clock stands still.
  const meta = (mode: number): Meta => {
    const mtimeMs = clock.now()
    return { mode, ino: ++lastIno, mtimeMs, ctimeMs: mtimeMs + ++changes * tickMs }
  }

  const entryAt = (path: string, operation: string, follow: boolean): MemoryEntry | undefined =>
    find(root, path, operation, follow)?.entry
  const set = ({ parent, name }: Place, entry: MemoryEntry): void => {
    parent.entries.set(name, entry)
  }
  const makeDirectory = (path: string, mode: number): void => {
    const absolute = posix.resolve('/', path)
    if (entryAt(absolute, 'mkdir', true)?.kind === 'directory') return
    if (absolute !== '/') makeDirectory(posix.dirname(absolute), mode)
    const place = walk(root, absolute, 'mkdir', true)
    if (place.entry !== undefined) throw fakeSystemError('EEXIST', 'mkdir', path)
    set(place, { kind: 'directory', entries: new Map(), ...meta(mode) })
  }

  const files: MemoryFiles = {
    read: async (path, { maxBytes = defaultMaxBytes } = {}) => {
      const entry = entryAt(path, 'read', true)
      if (entry === undefined) return undefined
      if (entry.kind !== 'file') throw fakeSystemError('EISDIR', 'read', path)
      if (entry.content.length > maxBytes) throw fakeSystemError('EFBIG', 'read', path)
      return entry.content.slice()
    },
    list: async path => {
      const entry = entryAt(path, 'scandir', true)
      if (entry === undefined) return []
      if (entry.kind !== 'directory') throw fakeSystemError('ENOTDIR', 'scandir', path)
      return [...entry.entries.keys()].sort()
    },
    facts: async path => {
      const entry = entryAt(path, 'lstat', false)
      if (entry === undefined) return undefined
      const { kind, mode, ino, mtimeMs, ctimeMs } = entry
      const size = entry.kind === 'file' ? entry.content.length : 0
      return { kind, mode, uid: owner, gid: owner, size, mtimeMs, ctimeMs, dev: 1, ino }
    },
    makeDirectory: async (path, mode) => makeDirectory(path, mode),
    writeNew: async (path, content, mode) => {
      const place = walk(root, path, 'link', false)
      if (place.entry !== undefined) throw fakeSystemError('EEXIST', 'link', path)
      set(place, { kind: 'file', content: bytesOf(content), ...meta(mode) })
    },
    writeDirectory: async (path, content, mode) => {
      const place = walk(root, path, 'rename', false)
      if (place.entry !== undefined) throw fakeSystemError('EEXIST', 'rename', path)
      const entries = content.map(
        file => [file.name, { kind: 'file', content: bytesOf(file.content), ...meta(file.mode) }] as const,
      )
      set(place, { kind: 'directory', entries: new Map(entries), ...meta(mode) })
    },
    replace: async (path, content, mode) => {
      const place = walk(root, path, 'rename', false)
      if (place.entry?.kind === 'directory') throw fakeSystemError('EISDIR', 'rename', path)
      set(place, { kind: 'file', content: bytesOf(content), ...meta(mode) })
    },
    replaceLink: async (path, target) => {
      const place = walk(root, path, 'rename', false)
      if (place.entry?.kind === 'directory') throw fakeSystemError('EISDIR', 'rename', path)
      set(place, { kind: 'symlink', target, ...meta(0o777) })
    },
    readLink: async path => {
      const entry = entryAt(path, 'readlink', false)
      if (entry !== undefined && entry.kind !== 'symlink') throw fakeSystemError('EINVAL', 'readlink', path)
      return entry?.target
    },
    rename: async (from, to) => {
      const source = walk(root, from, 'rename', false)
      if (source.entry === undefined) throw fakeSystemError('ENOENT', 'rename', from)
      const destination = walk(root, to, 'rename', false)
      if (destination.entry !== undefined) throw fakeSystemError('EEXIST', 'rename', to)
      source.parent.entries.delete(source.name)
      set(destination, source.entry)
    },
    remove: async path => {
      if (entryAt(path, 'rm', false) === undefined) return
      const { parent, name } = walk(root, path, 'rm', false)
      parent.entries.delete(name)
    },
    snapshot: () => new Map(pathsBelow(root, '')),
    put: async (path, content, mode = 0o644) => {
      await files.makeDirectory(posix.dirname(path), 0o755)
      await files.replace(path, content, mode)
    },
    text: async path => {
      const content = await files.read(path)
      if (content === undefined) throw fakeSystemError('ENOENT', 'read', path)
      return Buffer.from(content).toString('utf8')
    },
  }
  return files
}

function bytesOf(content: Uint8Array | string): Uint8Array {
  return typeof content === 'string' ? new Uint8Array(Buffer.from(content)) : content.slice()
}

function* pathsBelow(directory: MemoryDirectory, path: string): Generator<readonly [string, string]> {
  for (const name of [...directory.entries.keys()].sort()) {
    const entry = directory.entries.get(name)
    const below = `${path}/${name}`
    if (entry?.kind === 'file') yield [below, Buffer.from(entry.content).toString('utf8')]
    else if (entry?.kind === 'symlink') yield [below, `-> ${entry.target}`]
    else if (entry) yield* pathsBelow(entry, below)
  }
}
