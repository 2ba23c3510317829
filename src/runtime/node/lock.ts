/**
 * Locks between processes: a SQLite database file with an exclusive transaction open.
 *
 * Node gives no direct way to the locks of fcntl(2); SQLite takes them, and the kernel frees them when the process
 * dies, however it dies. Within one process SQLite keeps its own table of them, so a second attempt is refused too.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type * as Sqlite from 'node:sqlite'
import { AppError, messageOf } from '../../base/errors.ts'
import { printable } from '../../base/printable.ts'
import type { Lock, TryLock } from '../lock.ts'
import { makeDirectory } from './directories.ts'

/** SQLITE_BUSY, the low byte of the extended result codes. */
const sqliteBusy = 5

/** For the owner alone: what is locked is no business of others. */
const directoryMode = 0o700

/** Takes locks; while held, `<path>.holder` says by whom. */
export function nodeTryLock(): TryLock {
  const held = new Set<Sqlite.DatabaseSync>() // a forgotten database would be collected and its lock freed
  return async (path, about) => {
    const absolute = resolve(path)
    const holderPath = `${absolute}.holder`
    const database = await take(absolute)
    if (database === undefined) return { holder: readHolder(holderPath) }
    held.add(database)
    noteHolder(holderPath, `${about} (pid ${process.pid})`)
    return heldLock(absolute, () => {
      if (!held.delete(database)) return
      noteHolder(holderPath, '')
      database.close()
    })
  }
}

function heldLock(path: string, release: () => void): Lock {
  return {
    path,
    [Symbol.asyncDispose]: async () => release(),
  }
}

/** The database with the lock taken, or `undefined` when somebody else has it. */
async function take(path: string): Promise<Sqlite.DatabaseSync | undefined> {
  let database: Sqlite.DatabaseSync | undefined
  try {
    await makeDirectory(dirname(path), directoryMode)
    database = new (sqlite().DatabaseSync)(path)
    database.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE')
    return database
  } catch (error) {
    database?.close()
    if (isBusy(error)) return undefined
    throw new AppError('ERR_STORE', `the lock ${printable(path)} cannot be taken: ${messageOf(error)}`, {
      hint: 'see that the directory can be written by this user and that its disk is not full',
      cause: error,
    })
  }
}

function isBusy(error: unknown): boolean {
  if (!(error instanceof Error) || !('errcode' in error)) return false
  return typeof error.errcode === 'number' && (error.errcode & 0xff) === sqliteBusy
}

/**
 * Loads SQLite without Node 22's warning that it is experimental: we use one transaction of it and keep no data in it.
 * Loading is synchronous, so no other warning can fall into the gap.
 */
function sqlite(): typeof Sqlite {
  const own = Object.getOwnPropertyDescriptor(process, 'emitWarning')
  process.emitWarning = () => {}
  try {
    return process.getBuiltinModule('node:sqlite')
  } finally {
    if (own) Object.defineProperty(process, 'emitWarning', own)
  }
}

function noteHolder(path: string, about: string): void {
  try {
    writeFileSync(path, about, { mode: 0o600 })
  } catch {
    // Only the wording of a message depends on it; the lock itself is good.
  }
}

function readHolder(path: string): string {
  try {
    return printable(readFileSync(path, 'utf8').trim())
  } catch {
    return '' // as above
  }
}
