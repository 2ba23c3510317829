/** Directories that are there after a crash. */
import { constants } from 'node:fs'
import { type FileHandle, mkdir, open, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { systemCodeOf } from '../../base/errors.ts'

/**
 * Makes a directory and its missing parents, each with `mode` whatever the umask, and syncs them.
 * (Node's own recursive mkdir knows the mode only before the umask, and never returns below /proc.)
 */
export async function makeDirectory(path: string, mode: number): Promise<void> {
  const absolute = resolve(path)
  const made = await makeOne(absolute, mode).catch(async (error: unknown) => {
    if (systemCodeOf(error) !== 'ENOENT' || dirname(absolute) === absolute) throw error
    await makeDirectory(dirname(absolute), mode)
    return await makeOne(absolute, mode)
  })
  if (!made) return
  await withHandle(await open(absolute, constants.O_RDONLY | constants.O_DIRECTORY), handle =>
    handle.chmod(mode),
  )
  await syncDirectory(dirname(absolute))
}

/** Whether it was made: not if it is there already. */
async function makeOne(path: string, mode: number): Promise<boolean> {
  try {
    await mkdir(path, { mode })
    return true
  } catch (error) {
    if (systemCodeOf(error) === 'EEXIST' && (await stat(path)).isDirectory()) return false
    throw error
  }
}

/** Makes the names in a directory durable. */
export async function syncDirectory(path: string): Promise<void> {
  try {
    await withHandle(await open(path, constants.O_RDONLY), directory => directory.sync())
  } catch (error) {
    if (!syncUnsupported.has(systemCodeOf(error) ?? '')) throw error
  }
}

/** What systems answer that cannot sync a directory. */
const syncUnsupported: ReadonlySet<string> = new Set(['EINVAL', 'EISDIR', 'EPERM'])

/** Uses an open file and closes it. */
export async function withHandle<T>(handle: FileHandle, use: (handle: FileHandle) => Promise<T>): Promise<T> {
  try {
    return await use(handle)
  } finally {
    await handle.close()
  }
}
