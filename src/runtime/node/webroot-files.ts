/** Challenge files below somebody else's directory, on a real disk. */
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmdirSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { AppError, isAppError, systemCodeOf } from '../../base/errors.ts'
import { printable } from '../../base/printable.ts'
import type { RootedPath, WebrootFiles } from '../webroot-files.ts'
import { hasHandlePaths, type OpenDirectory, walkBelow } from './rooted-walk.ts'
import { replacedFailure, webrootFailure } from './webroot-failure.ts'

const directoryMode = 0o755
const fileMode = 0o644

/**
 * The directories of this machine. The calls are synchronous: each operation is a handful of them.
 * @param throughHandles - whether names are looked up from open directories; by default where the system can
 */
export function nodeWebrootFiles({
  throughHandles,
}: {
  readonly throughHandles?: boolean
} = {}): WebrootFiles {
  const below = async <T>(path: RootedPath, use: (root: OpenDirectory, name: Parts) => T): Promise<T> =>
    walkBelow(path.root, throughHandles ?? hasHandlePaths(), root => use(root, partsOf(path)))

  return {
    missingDirectories: path => below(path, missingDirectories),
    create: (path, content) => below(path, (root, parts) => create(root, parts, content)),
    remove: (path, content, counts) => below(path, (root, parts) => remove(root, parts, content, counts)),
  }
}

type Parts = { readonly directories: readonly string[]; readonly file: string }

function partsOf({ components }: RootedPath): Parts {
  const directories = components.slice(0, -1)
  const file = components.at(-1)
  const bad = components.find(name => name === '' || name === '.' || name === '..' || /[/\0]/.test(name))
  if (file === undefined || bad !== undefined) {
    throw new AppError('ERR_WEBROOT', `"${printable(components.join('/'))}" is not a path below a webroot`)
  }
  return { directories, file }
}

/** The directories that exist on the way down, the root first. */
function descend(root: OpenDirectory, names: readonly string[]): readonly OpenDirectory[] {
  const way = [root]
  let current: OpenDirectory | undefined = root
  for (const name of names) {
    current = current.enter(name)
    if (current === undefined) break
    way.push(current)
  }
  return way
}

function missingDirectories(root: OpenDirectory, { directories }: Parts): readonly number[] {
  const present = descend(root, directories).length - 1
  return directories.map((_, index) => index + 1).slice(present)
}

function create(root: OpenDirectory, { directories, file }: Parts, content: string): void {
  let current = root
  for (const name of directories) current = current.enter(name) ?? makeDirectory(current, name)
  createFile(current, file, content)
}

function makeDirectory(parent: OpenDirectory, name: string): OpenDirectory {
  const made = attempt(parent, name, location => {
    try {
      mkdirSync(location, directoryMode)
      return true
    } catch (error) {
      if (systemCodeOf(error) === 'EEXIST') return false // somebody was faster; entering it checks what it is
      throw error
    }
  })
  const directory = parent.enter(name)
  if (directory === undefined) throw replacedFailure(`${parent.path}/${name}`)
  if (made) directory.setMode(directoryMode)
  return directory
}

function createFile(directory: OpenDirectory, name: string, content: string): void {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
  attempt(directory, name, location => {
    const handle = openSync(location, flags, fileMode)
    try {
      directory.confirm() // nothing is written before it is certain where
      fchmodSync(handle, fileMode) // open obeys the umask
      writeFileSync(handle, content)
    } catch (error) {
      unlinkOwn(directory, location, handle)
      throw error
    } finally {
      closeSync(handle)
    }
  })
}

/** Takes a file that could not be finished away again, unless its name means something else by now. */
function unlinkOwn(directory: OpenDirectory, location: string, handle: number): void {
  try {
    directory.confirm()
    const own = fstatSync(handle)
    const named = lstatSync(location)
    if (named.dev === own.dev && named.ino === own.ino) unlinkSync(location)
  } catch {
    // The failure that led here is the one to report.
  }
}

function remove(root: OpenDirectory, parts: Parts, content: string, counts: readonly number[]): void {
  const { directories, file } = parts
  const way = descend(root, directories)
  const innermost = way[directories.length]
  if (innermost && isOurs(innermost, file, content)) unlessAbsent(innermost, file, unlinkSync)
  for (const count of [...counts].sort((one, other) => other - one)) {
    const parent = way[count - 1]
    const name = directories[count - 1]
    if (parent && name !== undefined && way[count]) unlessAbsent(parent, name, rmdirSync)
  }
}

/** Whether a regular file of that name has this content, or the beginning of it that a killed process left. */
function isOurs(directory: OpenDirectory, name: string, content: string): boolean {
  const expected = Buffer.from(content)
  return attempt(directory, name, location => {
    // A link is not ours, and without O_NONBLOCK a named pipe would stop the process.
    const handle = openIfOurs(location, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    if (handle === undefined) return false
    try {
      const stats = fstatSync(handle)
      return (
        stats.isFile() &&
        stats.size <= expected.length &&
        readFileSync(handle).equals(expected.subarray(0, stats.size))
      )
    } finally {
      closeSync(handle)
    }
  })
}

function openIfOurs(location: string, flags: number): number | undefined {
  try {
    return openSync(location, flags)
  } catch (error) {
    // Nothing, a link (two spellings), a socket: none of them is a file of ours.
    if (['ENOENT', 'ELOOP', 'EMLINK', 'ENXIO'].includes(systemCodeOf(error) ?? '')) return undefined
    throw error
  }
}

/** Deletes a name; one that is gone, or a directory that others use by now, stays as it is. */
function unlessAbsent(directory: OpenDirectory, name: string, act: (location: string) => void): void {
  attempt(directory, name, location => {
    try {
      act(location)
    } catch (error) {
      if (!['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(systemCodeOf(error) ?? '')) throw error
    }
  })
}

/** Does something to a name in a directory, certain before and after that it is that directory. */
function attempt<T>(directory: OpenDirectory, name: string, act: (location: string) => T): T {
  directory.confirm()
  const location = directory.at(name)
  try {
    const result = act(location)
    directory.confirm()
    return result
  } catch (error) {
    if (isAppError(error)) throw error
    throw webrootFailure(error, { path: `${directory.path}/${name}`, location, isRoot: false })
  }
}
