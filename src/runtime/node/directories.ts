/** Directories that are there after a crash. */
import { closeSync, constants, fchmodSync, fsync, mkdirSync, openSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { systemCodeOf } from '../../base/errors.ts'
import { systemError } from './system-error.ts'

/**
 * Makes a directory and its missing parents, each with `mode` whatever the umask, and syncs them.
 * (Node's own recursive mkdir knows the mode only before the umask, and never returns below /proc.)
 */
export async function makeDirectory(path: string, mode: number): Promise<void> {
  const absolute = resolve(path)
  const parent = dirname(absolute)
  let outcome = makeOne(absolute, mode)
  if (outcome === 'no-parent' && parent !== absolute) {
    await makeDirectory(parent, mode)
    outcome = makeOne(absolute, mode)
  }
  if (outcome === 'no-parent') throw systemError('ENOENT', 'mkdir', path)
  if (outcome === 'there') return
  const made = openSync(absolute, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    fchmodSync(made, mode)
  } finally {
    closeSync(made)
  }
  await syncDirectory(parent)
}

function makeOne(path: string, mode: number): 'made' | 'there' | 'no-parent' {
  try {
    mkdirSync(path, { mode })
    return 'made'
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return 'no-parent'
    if (systemCodeOf(error) === 'EEXIST' && statSync(path).isDirectory()) return 'there'
    throw error
  }
}

/** Makes the names in a directory durable. */
export async function syncDirectory(path: string): Promise<void> {
  try {
    await syncAndClose(openSync(path, constants.O_RDONLY))
  } catch (error) {
    if (!syncUnsupported.has(systemCodeOf(error) ?? '')) throw error
  }
}

/** What systems answer that cannot sync a directory. */
const syncUnsupported: ReadonlySet<string> = new Set(['EINVAL', 'EISDIR', 'EPERM'])

/** Waits until the disk has what was written to an open file, and closes it. */
export async function syncAndClose(file: number): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      fsync(file, error => (error === null ? resolve() : reject(error)))
    })
  } finally {
    closeSync(file)
  }
}
