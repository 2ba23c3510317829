/** Small JSON documents in the state directory. */
import { AppError, messageOf } from '../../base/errors.ts'
import { describeIssues, parseWith, type v } from '../../base/schema.ts'
import type { FsOps } from '../../runtime/files.ts'
import { privateFileMode } from './paths.ts'

/**
 * Reads a document.
 * @returns `undefined` where there is none
 * @throws AppError ERR_STORE when it cannot be read, ERR_STORE_CORRUPT when it is not what it should be
 * @internal
 */
export async function readDocument<T>(
  path: string,
  schema: v.GenericSchema<unknown, T>,
  files: FsOps,
  options?: { readonly maxBytes?: number },
): Promise<T | undefined> {
  const content = await storeStep(`read ${path}`, () => files.read(path, options))
  if (content === undefined) return undefined
  const parsed = parseWith(schema, parseJson(path, content))
  if (parsed.ok) return parsed.value
  throw corrupt(path, describeIssues(parsed.issues))
}

/**
 * Writes a document durably over an earlier one.
 * @throws AppError ERR_STORE
 */
export async function writeDocument(path: string, value: unknown, files: FsOps): Promise<void> {
  await storeStep(`write ${path}`, () =>
    files.replace(path, `${JSON.stringify(value, undefined, 2)}\n`, privateFileMode),
  )
}

/**
 * Runs one operation on the state directory.
 * @throws AppError ERR_STORE that says what was tried and what a person can do
 */
export async function storeStep<T>(what: string, operation: () => Promise<T>): Promise<T> {
  try {
    return await operation()
  } catch (error) {
    throw new AppError('ERR_STORE', `cannot ${what}: ${messageOf(error)}`, {
      cause: error,
      hint: hintFor(messageOf(error)),
    })
  }
}

/** The error for a stored file that does not have the content it was written with. */
export function corrupt(path: string, what: string): AppError {
  const hint = 'restore it from a backup, or move it away: nothing else refers to it'
  return new AppError('ERR_STORE_CORRUPT', `${path} is damaged: ${what}`, { hint })
}

function parseJson(path: string, content: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(content))
  } catch (error) {
    throw corrupt(path, `it is not JSON (${messageOf(error)})`)
  }
}

/** By the system's words, and by those of SQLite, which keeps the locks. */
const hints: readonly { readonly about: RegExp; readonly text: string }[] = [
  {
    about: /ENOSPC|EDQUOT|disk is full/,
    text: 'free some disk space and run the command again; nothing was lost',
  },
  { about: /EROFS/, text: 'the file system is mounted read-only: choose another with --state DIR' },
  {
    about: /EACCES|EPERM|readonly database/,
    text: 'run as root, or choose a directory of your own with --state DIR',
  },
  {
    about: /ENOTDIR|EISDIR|EEXIST|unable to open database/,
    text: 'see what is there and move it away, or choose another directory with --state DIR',
  },
]

function hintFor(message: string): string {
  const known = hints.find(({ about }) => about.test(message))
  return known?.text ?? 'look at the disk and its file system, then run the command again'
}
