/**
 * Copies in the directories of services, on a real disk.
 *
 * Every name is looked up in a directory that was reached safely (see `rooted-walk.ts`), and files are only created, linked,
 * renamed and deleted there: whatever somebody hostile puts in their place is moved about, and never written through.
 */
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname } from 'node:path'
import { systemCodeOf } from '../../base/errors.ts'
import { printable } from '../../base/printable.ts'
import { sha256Hex } from '../../base/sha256.ts'
import type { FileCopy, PreparedFiles, TargetFile, TargetFiles } from '../target-files.ts'
import { syncAndClose, syncDirectory } from './directories.ts'
import { followPath, isControlledByOthers, strangersLink } from './path-control.ts'
import { hasHandlePaths, type OpenDirectory, openWalk } from './rooted-walk.ts'
import { inTheWay, targetFailure, targetWalkFailures } from './target-failure.ts'

const madeDirectoryMode = 0o755
/** Until owner and mode are set, nobody else may look. */
const birthMode = 0o600
const hashLength = 16

/** The directories of this machine. */
export function nodeTargetFiles({ throughHandles }: { readonly throughHandles?: boolean } = {}): TargetFiles {
  return {
    prepare: async (files, { makeDirectory } = {}) => {
      const inside: Inside = (directory, use) =>
        useDirectory(directory, throughHandles ?? hasHandlePaths(), use)
      if (makeDirectory !== undefined) await makeMissing(makeDirectory, inside)
      return await prepare(files.map(placeOf), inside)
    },
  }
}

/** Runs `use` on a directory that is open meanwhile; its path has no links. */
type Inside = <T>(directory: string, use: (directory: OpenDirectory) => Promise<T> | T) => Promise<T>

async function useDirectory<T>(
  path: string,
  throughHandles: boolean,
  use: (directory: OpenDirectory) => Promise<T> | T,
): Promise<T> {
  // Down to the first directory that somebody else controls, nobody else can change what the path means.
  const start = followPath(path).steps.find(isControlledByOthers)?.path ?? path
  using walk = openWalk(start, throughHandles, targetWalkFailures)
  let directory = walk.root
  for (const name of path
    .slice(start.length)
    .split('/')
    .filter(part => part !== '')) {
    const next = directory.enter(name)
    if (next === undefined) throw targetWalkFailures.replaced(`${directory.path}/${name}`)
    directory = next
  }
  directory.confirm()
  const result = await use(directory)
  directory.confirm()
  return result
}

type Place = {
  readonly wanted: TargetFile
  readonly copy: FileCopy
  /** Without links. */
  readonly directory: string
  readonly name: string
  /** The new file, until it gets its name. */
  readonly fresh: string
  /** The earlier one, until it is certain that it is not needed. */
  readonly aside: string
}

function placeOf(wanted: TargetFile): Place {
  const { path, content, mode, uid, gid } = wanted
  const name = basename(path)
  const hash = sha256Hex(name).slice(0, hashLength)
  return {
    wanted,
    copy: {
      path,
      sha256: sha256Hex(content),
      mode,
      uid: uid ?? process.geteuid?.() ?? 0,
      gid: gid ?? process.getegid?.() ?? 0,
    },
    directory: safeEnd(dirname(path), path),
    name,
    // With a dot, and without an ending: servers that read whole directories do not take them for certificates.
    fresh: `.certwright-new-${hash}`,
    aside: `.certwright-old-${hash}`,
  }
}

/** Where a directory really is, once it is certain that no stranger has a say in that. */
function safeEnd(directory: string, path: string): string {
  const way = attempt(path, 'cannot write', () => followPath(directory))
  const link = strangersLink(way)
  if (link === undefined) return way.end
  throw inTheWay(
    path,
    `${printable(link.path)} is a symbolic link that others could have made`,
    'name the directory that it leads to, or have its owner and its directory belong to root',
  )
}

async function makeMissing(path: string, inside: Inside): Promise<void> {
  const end = safeEnd(path, path)
  await attemptLater(path, 'cannot make', () =>
    inside(dirname(end), async parent => {
      const name = basename(end)
      if (parent.enter(name) !== undefined) return
      mkdirSync(parent.at(name), { mode: madeDirectoryMode })
      parent.enter(name)?.setMode(madeDirectoryMode) // mkdir obeys the umask
      await syncDirectory(parent.at('.'))
    }),
  )
}

type Change = { readonly place: Place; named: boolean; kept: boolean }

async function prepare(places: readonly Place[], inside: Inside): Promise<PreparedFiles> {
  const changes: Change[] = []
  /** Those that a process had kept aside which died before it was known whether they are needed. */
  const orphans: Place[] = []
  let replaces = false
  const discard = (): Promise<void> =>
    forEach(changes, ({ place }) => inside(place.directory, ({ at }) => remove(at(place.fresh))))
  try {
    for (const place of places) {
      await attemptLater(place.wanted.path, 'cannot write', () =>
        inside(place.directory, async directory => {
          replaces ||= kindAt(directory.at(place.name)) !== undefined
          if (!isAsWanted(directory, place)) {
            changes.push({ place, named: false, kept: false })
            await writeFresh(directory, place)
          } else if (kindAt(directory.at(place.aside)) === 'file') orphans.push(place)
        }),
      )
    }
  } catch (error) {
    await discard().catch(() => {}) // the first failure is the one to report
    throw error
  }

  const touched = () => [...new Set(changes.map(({ place }) => place).concat(orphans))]
  const sync = () =>
    forEach([...new Set(touched().map(({ directory }) => directory))], path =>
      attemptLater(path, 'cannot sync', () => inside(path, ({ at }) => syncDirectory(at('.')))),
    )
  return {
    copies: places.map(({ copy }) => copy),
    changes: changes.length + orphans.length > 0,
    replaces,
    commit: async () => {
      for (const change of changes) {
        const { place } = change
        await attemptLater(place.wanted.path, 'cannot replace', () =>
          inside(place.directory, directory => {
            // Another server that reads the same files may have been given them a moment ago.
            if (kindAt(directory.at(place.name)) === 'file' && isAsWanted(directory, place))
              remove(directory.at(place.fresh))
            else nameFresh(directory.at, change)
          }),
        )
      }
      await sync()
    },
    undo: async () => {
      await forEach([...changes].reverse(), ({ place, named, kept }) =>
        attemptLater(place.wanted.path, 'cannot put back', () =>
          inside(place.directory, ({ at }) => {
            if (kept) renameSync(at(place.aside), at(place.name))
            else if (named) remove(at(place.name))
            remove(at(place.fresh))
            if (kept) remove(at(place.aside)) // which a rename leaves where both are names of one file
          }),
        ),
      )
      await forEach(orphans, ({ directory, wanted, aside, name }) =>
        attemptLater(wanted.path, 'cannot put back', () =>
          inside(directory, ({ at }) => {
            if (kindAt(at(aside)) !== undefined) renameSync(at(aside), at(name))
          }),
        ),
      )
      await sync()
    },
    keep: async () => {
      await forEach(touched(), ({ directory, wanted, aside }) =>
        attemptLater(wanted.path, 'cannot remove what was kept of', () =>
          inside(directory, ({ at }) => remove(at(aside))),
        ),
      )
      await sync()
    },
  }
}

/** Whether content, owner and mode are those that are wanted. */
function isAsWanted({ at }: OpenDirectory, { wanted, copy, name }: Place): boolean {
  const kind = kindAt(at(name))
  if (kind === undefined) return false
  if (kind !== 'file') {
    throw inTheWay(wanted.path, `there is a ${kind} of that name`, 'move it away, or choose another path')
  }
  const file = openSync(at(name), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const stats = fstatSync(file)
    const { content } = wanted
    return (
      stats.isFile() &&
      stats.size === content.length &&
      stats.uid === copy.uid &&
      stats.gid === copy.gid &&
      (stats.mode & 0o7777) === copy.mode &&
      readFileSync(file).equals(content)
    )
  } finally {
    closeSync(file)
  }
}

type Kind = 'file' | 'directory' | 'symbolic link' | 'special file'

function kindAt(location: string): Kind | undefined {
  const stats = lstatSync(location, { throwIfNoEntry: false })
  if (stats === undefined) return undefined
  if (stats.isFile()) return 'file'
  if (stats.isDirectory()) return 'directory'
  return stats.isSymbolicLink() ? 'symbolic link' : 'special file'
}

async function writeFresh(directory: OpenDirectory, { wanted, copy, fresh }: Place): Promise<void> {
  const location = directory.at(fresh)
  remove(location) // of a process that died
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
  const file = openSync(location, flags, birthMode)
  try {
    directory.confirm() // nothing is written before it is certain where
    fchownSync(file, copy.uid, copy.gid)
    fchmodSync(file, copy.mode) // after the owner, who may change it; open obeys the umask
    writeFileSync(file, wanted.content)
  } catch (error) {
    closeSync(file)
    throw error
  }
  await syncAndClose(file)
}

/** Keeps what lies there aside, under a name of its own, and puts the new file in its place. */
function nameFresh(at: OpenDirectory['at'], change: Change): void {
  const { name, fresh, aside } = change.place
  if (kindAt(at(name)) !== undefined) {
    remove(at(aside))
    keepAside(at(name), at(aside))
    change.kept = true
  }
  renameSync(at(fresh), at(name))
  change.named = true
}

/** A second name for the same file, so that its own is never missing; where that cannot be, another name. */
function keepAside(from: string, to: string): void {
  try {
    linkSync(from, to)
  } catch (error) {
    if (!linkRefused.has(systemCodeOf(error) ?? '')) throw error
    renameSync(from, to)
  }
}

/** File systems without hard links, and Linux where the file is another user's. */
const linkRefused: ReadonlySet<string> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'])

function remove(location: string): void {
  if (kindAt(location) !== undefined) unlinkSync(location)
}

function attempt<T>(path: string, what: string, act: () => T): T {
  try {
    return act()
  } catch (error) {
    throw targetFailure(error, path, what)
  }
}

async function attemptLater<T>(path: string, what: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    throw targetFailure(error, path, what)
  }
}

/** Does all of them, and only then fails with the first failure. */
async function forEach<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const failures: unknown[] = []
  for (const item of items) await act(item).catch((error: unknown) => failures.push(error))
  if (failures.length > 0) throw failures[0]
}
