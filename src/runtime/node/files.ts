/**
 * Files on a real disk.
 *
 * Reading is done with the synchronous calls: for files of a few kilobytes they are ten times faster than a trip
 * through the thread pool. Writing waits for the disk, so it goes through the pool.
 */

import type { BigIntStats, Stats } from 'node:fs'
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
} from 'node:fs'
import { type FileHandle, link, lstat, mkdir, open, rename, rm, symlink, unlink } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { systemCodeOf } from '../../base/errors.ts'
import type { FileFacts, FileKind, FsOps } from '../files.ts'
import type { Random } from '../random.ts'
import { systemError } from './system-error.ts'

/** What the names of our temporary files begin with; anything so named may be deleted when no writer runs. */
export const temporaryPrefix = '.certwright-tmp-'
/** Enough characters that two writers never meet: 36^12 names. */
const temporaryIdLength = 12
const defaultMaxBytes = 1024 * 1024

/** The disk of this machine; `random` makes the names of temporary files. */
export function nodeFiles(random: Pick<Random, 'id'>): FsOps {
  const temporaryFor = (path: string): string =>
    join(dirname(path), `${temporaryPrefix}${random.id(temporaryIdLength)}`)

  return {
    read: async (path, { maxBytes = defaultMaxBytes } = {}) => orAbsent(() => readWhole(path, maxBytes)),
    list: async path => (orAbsent(() => readdirSync(path)) ?? []).sort(),
    facts: async path => orAbsent(() => factsOf(lstatSync(path))),
    readLink: async path => orAbsent(() => readlinkSync(path)),
    makeDirectory,
    writeNew: async (path, content, mode) => {
      const temporary = temporaryFor(path)
      await withoutLeftovers(temporary, async () => {
        await writeSynced(temporary, content, mode)
        await nameNew(temporary, path)
      })
      await syncDirectory(dirname(path))
    },
    replace: async (path, content, mode) => {
      const temporary = temporaryFor(path)
      await withoutLeftovers(temporary, async () => {
        await writeSynced(temporary, content, mode)
        await rename(temporary, path)
      })
      await syncDirectory(dirname(path))
    },
    replaceLink: async (path, target) => {
      const temporary = temporaryFor(path)
      await withoutLeftovers(temporary, async () => {
        await symlink(target, temporary)
        await rename(temporary, path)
      })
      await syncDirectory(dirname(path))
    },
    rename: async (from, to) => {
      if (orAbsent(() => lstatSync(to)) !== undefined) throw systemError('EEXIST', 'rename', to)
      await rename(from, to)
      await syncDirectory(dirname(to))
      if (dirname(from) !== dirname(to)) await syncDirectory(dirname(from))
    },
    remove: async path => {
      if (orAbsent(() => lstatSync(path)) === undefined) return
      await rm(path, { recursive: true, force: true })
      await syncDirectory(dirname(path))
    },
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
    return readToEnd(file, path, Math.max(stats.size, minBuffer(stats)), maxBytes)
  } finally {
    closeSync(file)
  }
}

/** Files below /proc and /sys say that they are empty and are not. */
function minBuffer(stats: Stats | BigIntStats): number {
  return Number(stats.size) === 0 ? 64 * 1024 : 0
}

function readToEnd(file: number, path: string, expectedBytes: number, maxBytes: number): Uint8Array {
  let buffer = new Uint8Array(expectedBytes + 1) // one more, so that the end is seen without growing
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
  const { uid, gid, size, mtimeMs, dev, ino } = stats
  return { kind: kindOf(stats), mode: stats.mode & 0o7777, uid, gid, size, mtimeMs, dev, ino }
}

function kindOf(stats: Stats): FileKind {
  if (stats.isFile()) return 'file'
  if (stats.isDirectory()) return 'directory'
  return stats.isSymbolicLink() ? 'symlink' : 'other'
}

async function makeDirectory(path: string, mode: number): Promise<void> {
  const absolute = resolve(path)
  try {
    await mkdir(absolute, { mode })
  } catch (error) {
    if (systemCodeOf(error) === 'EEXIST' && (await isDirectory(absolute))) return
    if (systemCodeOf(error) !== 'ENOENT' || dirname(absolute) === absolute) throw error
    await makeDirectory(dirname(absolute), mode)
    await makeDirectory(absolute, mode)
    return
  }
  await withHandle(await open(absolute, constants.O_RDONLY | constants.O_DIRECTORY), async directory => {
    await directory.chmod(mode) // mkdir obeys the umask
  })
  await syncDirectory(dirname(absolute))
}

async function isDirectory(path: string): Promise<boolean> {
  const facts = await lstat(path)
  if (!facts.isSymbolicLink()) return facts.isDirectory()
  return withHandle(await open(path, constants.O_RDONLY), async handle => (await handle.stat()).isDirectory())
}

async function writeSynced(path: string, content: Uint8Array | string, mode: number): Promise<void> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
  await withHandle(await open(path, flags, mode), async file => {
    await file.chmod(mode) // open obeys the umask
    await file.writeFile(content)
    await file.sync()
  })
}

/** Gives a finished file its name if that name is free. */
async function nameNew(temporary: string, path: string): Promise<void> {
  try {
    await link(temporary, path)
  } catch (error) {
    if (!linkUnsupported.has(systemCodeOf(error) ?? '')) throw error
    if (orAbsent(() => lstatSync(path)) !== undefined) throw systemError('EEXIST', 'link', path)
    await rename(temporary, path)
    return
  }
  await unlink(temporary)
}

/** What file systems without hard links answer. */
const linkUnsupported: ReadonlySet<string> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'])

/** Runs `write`; if it fails, removes the temporary file and passes the failure on. */
async function withoutLeftovers(temporary: string, write: () => Promise<void>): Promise<void> {
  try {
    await write()
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {}) // the first failure is the one to report
    throw error
  }
}

async function withHandle<T>(handle: FileHandle, use: (handle: FileHandle) => Promise<T>): Promise<T> {
  try {
    return await use(handle)
  } finally {
    await handle.close()
  }
}

async function syncDirectory(path: string): Promise<void> {
  try {
    await withHandle(await open(path, constants.O_RDONLY), directory => directory.sync())
  } catch (error) {
    if (!directorySyncUnsupported.has(systemCodeOf(error) ?? '')) throw error
  }
}

/** What systems answer that cannot sync a directory. */
const directorySyncUnsupported: ReadonlySet<string> = new Set(['EINVAL', 'EISDIR', 'EPERM'])

/** Whether a file name is one of our temporary files. */
export function isTemporaryName(path: string): boolean {
  return basename(path).startsWith(temporaryPrefix)
}
