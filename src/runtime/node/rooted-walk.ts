/**
 * Going down a directory tree that somebody hostile may change at the same time.
 *
 * Node has no openat(2). On Linux, `/proc/self/fd/N/name` does the same: the kernel starts at the open directory N and
 * looks up one name, and O_NOFOLLOW refuses that name when it is a link. Elsewhere directories are opened by path, and
 * before and after each step every name on the way must still be the very directory that was opened.
 */
import { closeSync, constants, existsSync, fchmodSync, fstatSync, lstatSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { type AppError, systemCodeOf } from '../../base/errors.ts'
import { replacedFailure, type WebrootPlace, webrootFailure } from './webroot-failure.ts'

const handles = '/proc/self/fd'
const openDirectory = constants.O_RDONLY | constants.O_DIRECTORY

/** A directory that is open. */
export type OpenDirectory = {
  /** Its path, for messages. */
  readonly path: string
  readonly depth: number
  /** A path for a name in it. */
  readonly at: (name: string) => string
  /** @throws AppError when `at` would now lead somewhere else */
  confirm(): void
  /** Gives it a mode, whatever the umask. */
  setMode(mode: number): void
  /** Opens a directory in it, or returns `undefined` when there is none of that name. */
  enter(name: string): OpenDirectory | undefined
}

/** Whether this system lets names be looked up from an open directory. */
export function hasHandlePaths(): boolean {
  return existsSync(handles)
}

/** What is thrown on the way. */
export type WalkFailures = {
  /** For a directory that cannot be entered, by the system's error. */
  readonly unusable: (cause: unknown, place: WebrootPlace) => AppError
  /** For a directory whose name means something else by now. */
  readonly replaced: (path: string) => AppError
}

/** Directories that are open until this is disposed of. */
export type OpenWalk = Disposable & { readonly root: OpenDirectory }

/** Opens `root`; links on the way to it are followed. */
export function openWalk(root: string, throughHandles: boolean, failures: WalkFailures): OpenWalk {
  const opened: number[] = []
  const close = (): void => opened.forEach(handle => closeSync(handle))
  const walk: Walk = { opened, failures }
  try {
    return {
      root: throughHandles ? byHandle(root, root, 0, walk) : byPath(root, undefined, walk),
      [Symbol.dispose]: close,
    }
  } catch (error) {
    close()
    throw error
  }
}

/**
 * Opens a webroot, runs `use`, and closes every directory that was entered.
 * @throws AppError ERR_WEBROOT
 */
export function walkBelow<T>(root: string, throughHandles: boolean, use: (root: OpenDirectory) => T): T {
  using walk = openWalk(root, throughHandles, { unusable: webrootFailure, replaced: replacedFailure })
  return use(walk.root)
}

type Walk = { readonly opened: number[]; readonly failures: WalkFailures }

function open(location: string, path: string, depth: number, { opened, failures }: Walk): number {
  try {
    const handle = openSync(location, depth === 0 ? openDirectory : openDirectory | constants.O_NOFOLLOW)
    opened.push(handle)
    return handle
  } catch (error) {
    throw failures.unusable(error, { path, location, isRoot: depth === 0 })
  }
}

function byHandle(location: string, path: string, depth: number, walk: Walk): OpenDirectory {
  const handle = open(location, path, depth, walk)
  const at = (name: string): string => `${handles}/${handle}/${name}`
  return {
    path,
    depth,
    at,
    confirm: () => {}, // a handle stays what it is
    setMode: mode => fchmodSync(handle, mode),
    enter: name => (exists(at(name)) ? byHandle(at(name), join(path, name), depth + 1, walk) : undefined),
  }
}

function byPath(path: string, parent: OpenDirectory | undefined, walk: Walk): OpenDirectory {
  const depth = parent === undefined ? 0 : parent.depth + 1
  const handle = open(path, path, depth, walk)
  const { dev, ino } = fstatSync(handle)
  const directory: OpenDirectory = {
    path,
    depth,
    at: name => join(path, name),
    confirm: () => {
      parent?.confirm()
      if (parent === undefined) return // the root may be reached through links, and is the operator's own
      const now = lstatSync(path, { throwIfNoEntry: false })
      if (now?.dev !== dev || now.ino !== ino) throw walk.failures.replaced(path)
    },
    setMode: mode => fchmodSync(handle, mode),
    enter: name => {
      const below = join(path, name)
      return exists(below) ? byPath(below, directory, walk) : undefined
    },
  }
  directory.confirm()
  return directory
}

function exists(location: string): boolean {
  try {
    lstatSync(location)
    return true
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return false
    return true // opening it will say what is wrong
  }
}
