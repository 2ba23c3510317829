/**
 * What a disk may hold when the power goes.
 *
 * The model is what POSIX promises and what file systems do with it. A change of names (create, link, rename, unlink) is done
 * as one or not at all. It is certain from the moment when every directory in which it changes a name has been synced; until
 * then any of these changes may be missing, whatever came before or after it. What was written to a file is certain when that
 * file was synced; until then all of it, half of it or nothing may be there. A new file, a link and a new directory are there
 * whole as soon as a name leads to them, but for the content of a file. All that lay there at the beginning is certain.
 */
import { posix } from 'node:path'
import type { SystemCall } from './system-calls.ts'

type Write = { readonly text: string; isCertain: boolean }
type Names = Map<string, Thing>
type File = { readonly kind: 'file'; readonly writes: Write[] }
type Link = { readonly kind: 'link'; readonly target: string }
/** `names` is what programs see, `settled` what was certain when the disk was last settled. */
type Directory = { readonly kind: 'directory'; readonly names: Names; settled: Names }
type Thing = File | Link | Directory

/** One name that comes, or goes where there is no thing. */
type Naming = { readonly parent: Directory; readonly name: string; readonly thing: Thing | undefined }
/** Names that change as one, and the directories that must be synced before that is certain. */
type Change = { readonly namings: readonly Naming[]; readonly unsynced: Set<Directory> }

/** Paths below the place in order: `path text` of files, `path -> target` of links, `path/` of directories. */
export type Listing = readonly string[]

export type UnsafeDisk = {
  /** Does what a program asked for. */
  carryOut(call: SystemCall): void
  /** Everything as it is now is certain. */
  settle(): void
  /** Each different state that a loss of power could leave now. */
  states(): readonly Listing[]
}

/** An empty disk. Calls about other places than this directory are ignored. */
export function createUnsafeDisk(place: string): UnsafeDisk {
  const root: Directory = emptyDirectory()
  const open = new Map<number, Thing>()
  let changes: Change[] = []

  const find = (path: string): Thing | undefined => {
    let thing: Thing | undefined = root
    for (const name of path.slice(place.length).split('/').filter(Boolean))
      thing = thing?.kind === 'directory' ? thing.names.get(name) : undefined
    return thing
  }
  const change = (...wanted: readonly (readonly [string, Thing | undefined])[]): void => {
    const namings = wanted.map(([path, thing]) => {
      const parent = find(posix.dirname(path))
      if (parent?.kind !== 'directory') throw new Error(`${path} is in no directory that is known`)
      return { parent, name: posix.basename(path), thing }
    })
    for (const { parent, name, thing } of namings) setName(parent.names, name, thing)
    changes.push({ namings, unsynced: new Set(namings.map(({ parent }) => parent)) })
  }
  const sync = (thing: Thing | undefined): void => {
    if (thing?.kind === 'file') for (const write of thing.writes) write.isCertain = true
    if (thing?.kind === 'directory') for (const { unsynced } of changes) unsynced.delete(thing)
  }

  return {
    carryOut: call => {
      if (!('file' in call) && !('from' in call ? call.from : call.path).startsWith(place)) return
      switch (call.kind) {
        case 'create':
        case 'open': {
          if (!call.path.startsWith(place)) return
          let thing = find(call.path)
          if (thing === undefined && call.kind === 'create') {
            thing = { kind: 'file', writes: [] }
            change([call.path, thing])
          }
          if (thing !== undefined) open.set(call.file, thing)
          return
        }
        case 'close':
          open.delete(call.file)
          return
        case 'write': {
          const thing = open.get(call.file)
          if (thing?.kind === 'file') thing.writes.push({ text: call.text, isCertain: false })
          return
        }
        case 'sync':
          return sync(open.get(call.file))
        case 'make-directory':
          return change([call.path, emptyDirectory()])
        case 'symlink':
          return change([call.path, { kind: 'link', target: call.target }])
        case 'unlink':
          return change([call.path, undefined])
        case 'link':
          return change([call.to, find(call.from)])
        case 'rename':
          return change([call.to, find(call.from)], [call.from, undefined])
        case 'look':
          return
        default:
          return call satisfies never
      }
    },
    settle: () => {
      changes = []
      settleAll(root)
    },
    states: () => statesOf(root, changes),
  }
}

function emptyDirectory(): Directory {
  return { kind: 'directory', names: new Map(), settled: new Map() }
}

function setName(names: Names, name: string, thing: Thing | undefined): void {
  if (thing === undefined) names.delete(name)
  else names.set(name, thing)
}

function settleAll(thing: Thing): void {
  if (thing.kind === 'file') for (const write of thing.writes) write.isCertain = true
  if (thing.kind !== 'directory') return
  thing.settled = new Map(thing.names)
  for (const below of thing.names.values()) settleAll(below)
}

function statesOf(root: Directory, changes: readonly Change[]): readonly Listing[] {
  const uncertain = changes.filter(({ unsynced }) => unsynced.size > 0)
  const states = new Map<string, Listing>()
  for (let subset = 0; subset < 2 ** uncertain.length; subset += 1) {
    const isLost = (change: Change) => {
      const index = uncertain.indexOf(change)
      return index >= 0 && (subset >> index) % 2 === 0
    }
    const namesIn = persisted(changes.filter(change => !isLost(change)))
    for (const listing of listings(root, '', namesIn)) states.set(listing.join('\n'), listing)
  }
  return [...states.values()]
}

/** The names in each directory after these changes. */
function persisted(changes: readonly Change[]): (directory: Directory) => Names {
  const names = new Map<Directory, Names>()
  const namesIn = (directory: Directory): Names => {
    const known = names.get(directory) ?? new Map(directory.settled)
    names.set(directory, known)
    return known
  }
  for (const { parent, name, thing } of changes.flatMap(({ namings }) => namings))
    setName(namesIn(parent), name, thing)
  return namesIn
}

/** All that a directory may list: one listing for each content that each file may have. */
function listings(
  directory: Directory,
  path: string,
  namesIn: (directory: Directory) => Names,
): readonly Listing[] {
  let all: readonly Listing[] = [[]]
  for (const [name, thing] of [...namesIn(directory)].toSorted(([one], [other]) => (one < other ? -1 : 1))) {
    const place = `${path}/${name}`
    const own: readonly Listing[] =
      thing.kind === 'file'
        ? contentsOf(thing).map(text => [`${place} ${text}`])
        : thing.kind === 'link'
          ? [[`${place} -> ${thing.target}`]]
          : listings(thing, place, namesIn).map(below => [`${place}/`, ...below])
    all = all.flatMap(before => own.map(after => [...before, ...after]))
  }
  return all
}

function contentsOf({ writes }: File): readonly string[] {
  const certain = writes
    .filter(({ isCertain }) => isCertain)
    .map(({ text }) => text)
    .join('')
  const whole = writes.map(({ text }) => text).join('')
  if (whole === certain) return [whole]
  return [whole, whole.slice(0, (certain.length + whole.length) >> 1), certain]
}
