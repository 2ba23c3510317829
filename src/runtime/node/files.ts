/**
 * Files on a real disk.
 *
 * Nearly all is done with the synchronous calls: for files of a few kilobytes they are ten times faster than a trip through
 * the thread pool. Only what waits for the disk goes through the pool: syncing, and removing while others sync.
 */
import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  renameSync,
  rm,
  rmSync,
  type Stats,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { systemCodeOf } from '../../base/errors.ts'
import { type FileFacts, type FileKind, type FsOps, type NewFile, temporaryPrefix } from '../files.ts'
import type { Random } from '../random.ts'
import { makeDirectory, syncAndClose, syncDirectory } from './directories.ts'
import { systemError } from './system-error.ts'

/** Enough characters that two writers never meet: 36^12 names. */
const temporaryIdLength = 12
const defaultMaxBytes = 1024 * 1024
const unknownSizeBytes = 4 * 1024

/** The disk of this machine; `random` makes the names of temporary files. */
export function nodeFiles(random: Pick<Random, 'id'>): FsOps {
  const temporaryFor = (path: string): string =>
    join(dirname(path), `${temporaryPrefix}${random.id(temporaryIdLength)}`)

  return {
    read: async (path, { maxBytes = defaultMaxBytes } = {}) =>
      exists(path) ? orAbsent(() => readWhole(path, maxBytes)) : undefined,
    list: async path => (exists(path) ? (orAbsent(() => readdirSync(path)) ?? []).sort() : []),
    facts: async path => {
      const stats = lstatSync(path, { throwIfNoEntry: false })
      return stats && factsOf(stats)
    },
    readLink: async path => orAbsent(() => readlinkSync(path)),
    makeDirectory,
    writeNew: (path, content, mode) => {
      const temporary = temporaryFor(path)
      const create = (): Promise<void> => writeSynced(temporary, content, mode)
      return publish(temporary, path, create, () => nameNew(temporary, path))
    },
    writeDirectory: async (path, content, mode) => {
      const temporary = temporaryFor(path)
      mkdirSync(temporary, { mode })
      await orDiscard(temporary, async () => {
        chmodSync(temporary, mode) // mkdir obeys the umask
        await writeAllSynced(temporary, content)
        renameNew(temporary, path)
      })
      await syncDirectory(dirname(path))
    },
    replace: (path, content, mode) => {
      const temporary = temporaryFor(path)
      const create = (): Promise<void> => writeSynced(temporary, content, mode)
      return publish(temporary, path, create, () => renameSync(temporary, path))
    },
    replaceLink: (path, target) => {
      const temporary = temporaryFor(path)
      const create = async (): Promise<void> => symlinkSync(target, temporary)
      return publish(temporary, path, create, () => renameSync(temporary, path))
    },
    rename: async (from, to) => {
      renameNew(from, to)
      await syncDirectory(dirname(to))
      if (dirname(from) !== dirname(to)) await syncDirectory(dirname(from))
    },
    remove: async path => {
      if (orAbsent(() => lstatSync(path)) === undefined) return
      await removeAll(path)
      await syncDirectory(dirname(path))
    },
  }
}

/**
 * Much is looked for that is rarely there, and an error costs ten times as much as a look. Where something else stands in
 * the way, the call itself has to say so.
 */
function exists(path: string): boolean {
  const look = (at: string) => statSync(at, { throwIfNoEntry: false })
  if (look(path) !== undefined) return true
  for (let parent = dirname(path); ; parent = dirname(parent)) {
    const stats = look(parent)
    if (stats !== undefined) return !stats.isDirectory()
    if (parent === dirname(parent)) return false
  }
}

function orAbsent<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

function readWhole(path: string, maxBytes: number): Uint8Array {
  // Without O_NONBLOCK, opening a named pipe that nobody writes to would stop the process.
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const stats = fstatSync(file)
    if (stats.isDirectory()) throw systemError('EISDIR', 'read', path)
    if (!stats.isFile()) throw systemError('EINVAL', 'read', path)
    if (stats.size > maxBytes) throw systemError('EFBIG', 'read', path)
    // One more than expected, so that the end is seen. Files below /proc say that they are empty and are not.
    return readToEnd(file, path, stats.size === 0 ? unknownSizeBytes : stats.size + 1, maxBytes)
  } finally {
    closeSync(file)
  }
}

function readToEnd(file: number, path: string, bufferBytes: number, maxBytes: number): Uint8Array {
  let buffer = new Uint8Array(bufferBytes)
  let length = 0
  for (;;) {
    const count = readSync(file, buffer, length, buffer.length - length, null)
    if (count === 0) return buffer.slice(0, length)
    length += count
    if (length > maxBytes) throw systemError('EFBIG', 'read', path)
    if (length === buffer.length) {
      const larger = new Uint8Array(buffer.length * 2)
      larger.set(buffer)
      buffer = larger
    }
  }
}

function factsOf(stats: Stats): FileFacts {
  const { uid, gid, size, mtimeMs, ctimeMs, dev, ino } = stats
  return { kind: kindOf(stats), mode: stats.mode & 0o7777, uid, gid, size, mtimeMs, ctimeMs, dev, ino }
}

function kindOf(stats: Stats): FileKind {
  if (stats.isFile()) return 'file'
  if (stats.isDirectory()) return 'directory'
  return stats.isSymbolicLink() ? 'symlink' : 'other'
}

/** Creates under a temporary name, gives the final name, and makes that durable; a failure leaves nothing behind. */
async function publish(
  temporary: string,
  path: string,
  create: () => Promise<void>,
  giveName: () => void,
): Promise<void> {
  await create()
  await orDiscard(temporary, async () => giveName())
  await syncDirectory(dirname(path))
}

/** Renames to a name that is free. Directories have no link(2), so another process could still take it in between. */
function renameNew(from: string, to: string): void {
  if (orAbsent(() => lstatSync(to)) !== undefined) throw systemError('EEXIST', 'rename', to)
  renameSync(from, to)
}

/** Fills a directory that nobody looks at yet, and waits for the disk once, not for one file after the other. */
async function writeAllSynced(directory: string, files: readonly NewFile[]): Promise<void> {
  const waits = files.map(({ name, content, mode }) => writeSynced(join(directory, name), content, mode))
  const settled = await Promise.allSettled(waits) // none may still be written when the directory is discarded
  for (const result of settled) if (result.status === 'rejected') throw result.reason
  await syncDirectory(directory)
}

async function writeSynced(path: string, content: Uint8Array | string, mode: number): Promise<void> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
  const file = openSync(path, flags, mode)
  await orDiscard(path, async () => {
    try {
      fchmodSync(file, mode) // open obeys the umask
      writeFileSync(file, content)
    } catch (error) {
      closeSync(file)
      throw error
    }
    await syncAndClose(file)
  })
}

// By the callback: at start-up, node:fs/promises would be one module more.
function removeAll(path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    rm(path, { recursive: true, force: true }, error => (error === null ? resolve() : reject(error)))
  })
}

/** Runs a step on a file that we created; if it fails, removes the file and passes the failure on. */
async function orDiscard(created: string, step: () => Promise<void>): Promise<void> {
  try {
    await step()
  } catch (error) {
    discard(created)
    throw error
  }
}

function discard(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true })
  } catch {
    // The first failure is the one to report.
  }
}

/** Gives a finished file its name if that name is free. */
function nameNew(temporary: string, path: string): void {
  try {
    linkSync(temporary, path)
  } catch (error) {
    if (!linkUnsupported.has(systemCodeOf(error) ?? '')) throw error
    if (orAbsent(() => lstatSync(path)) !== undefined) throw systemError('EEXIST', 'link', path)
    renameSync(temporary, path)
    return
  }
  unlinkSync(temporary)
}

/** What file systems without hard links answer. */
const linkUnsupported: ReadonlySet<string> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'])
