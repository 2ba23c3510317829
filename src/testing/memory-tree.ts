/** A directory tree in memory, with links, and with the system's errors. */
import { posix } from 'node:path'
import { instant } from '../base/instant.ts'

export type MemoryFile = { readonly kind: 'file'; readonly content: Uint8Array } & Meta
export type MemoryDirectory = {
  readonly kind: 'directory'
  readonly entries: Map<string, MemoryEntry>
} & Meta
export type MemoryLink = { readonly kind: 'symlink'; readonly target: string } & Meta
export type MemoryEntry = MemoryFile | MemoryDirectory | MemoryLink
export type Meta = {
  readonly mode: number
  readonly ino: number
  readonly mtimeMs: number
  readonly ctimeMs: number
}

/** A place in the tree: the directory that has or could have the entry, and the name. */
export type Place = {
  readonly parent: MemoryDirectory
  readonly name: string
  readonly entry: MemoryEntry | undefined
}

const texts: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EEXIST: 'file already exists',
  EFBIG: 'file too large',
  EINVAL: 'invalid argument',
  EIO: 'i/o error',
  EISDIR: 'illegal operation on a directory',
  ELOOP: 'too many symbolic links encountered',
  ENOENT: 'no such file or directory',
  ENOSPC: 'no space left on device',
  ENOTDIR: 'not a directory',
  EROFS: 'read-only file system',
}

/** An error like the system's: `error.code` is `code`. */
export function fakeSystemError(code: string, operation: string, path: string): Error {
  const message = `${code}: ${texts[code] ?? 'failure'}, ${operation} '${path}'`
  return Object.assign(new Error(message), { code, syscall: operation, path })
}

/** The links followed for one path before giving up, as Linux counts. */
const maxLinks = 40

/**
 * Walks to `path` (absolute) below `root`. Links on the way are followed, the last name only if `follow`.
 * @throws a system error: ENOENT for a missing directory on the way, ENOTDIR, ELOOP
 */
export function walk(root: MemoryDirectory, path: string, operation: string, follow: boolean): Place {
  const place = find(root, path, operation, follow)
  if (place === undefined) throw fakeSystemError('ENOENT', operation, path)
  return place
}

/** {@link walk}; `undefined` for a missing directory on the way. */
export function find(
  root: MemoryDirectory,
  path: string,
  operation: string,
  follow: boolean,
): Place | undefined {
  let links = 0
  const step = (from: string): Place | undefined => {
    const names = posix.resolve('/', from).split('/').filter(Boolean)
    let place: Place = { parent: root, name: '', entry: root }
    for (const [index, name] of names.entries()) {
      const directory = place.entry
      if (directory === undefined) return undefined
      if (directory.kind !== 'directory') throw fakeSystemError('ENOTDIR', operation, path)
      const entry = directory.entries.get(name)
      place = { parent: directory, name, entry }
      if (entry?.kind === 'symlink' && (follow || index < names.length - 1)) {
        links += 1
        if (links > maxLinks) throw fakeSystemError('ELOOP', operation, path)
        const here = `/${names.slice(0, index).join('/')}`
        return step(posix.resolve(here, entry.target, ...names.slice(index + 1)))
      }
    }
    return place
  }
  return step(path)
}

/** The root directory of an empty tree. */
export function emptyTree(): MemoryDirectory {
  return { kind: 'directory', entries: new Map(), mode: 0o755, ino: 1, mtimeMs: instant(0), ctimeMs: 0 }
}
