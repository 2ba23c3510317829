/**
 * Files that change piece by piece, as a disk does, so that a test can stop between any two pieces.
 *
 * Each operation of {@link FsOps} is durable when it resolves. Before that, a process that is killed, or a machine that
 * loses its power, leaves one of the states on the way: a temporary file with nothing or the beginning of its content, both
 * names of a new file, a directory that is half written under its temporary name or half deleted. Here every such state is a
 * state of the disk below. Nobody reads temporary files, so one content stands for all that they may have; what was not yet
 * synced and is lost with the power leads back to an earlier piece. `test/crash/disk.test.ts` proves that the real disk has
 * no further states, by its system calls.
 */
import { posix } from 'node:path'
import { type FsOps, temporaryPrefix } from '../runtime/files.ts'

/** What happens around each piece. */
export type Pieces = {
  /** Something is read, or refused. */
  readonly look: <T>(name: string, read: () => Promise<T>) => Promise<T>
  /** Something changes, all at once. */
  readonly change: <T>(name: string, change: () => Promise<T>) => Promise<T>
  /** The part of the names of temporary files that makes them different. */
  readonly id: () => string
}

/** The same disk, changed by pieces. */
export function piecewiseFiles(disk: FsOps, { look, change, id }: Pieces): FsOps {
  const temporaryFor = (path: string): string => posix.join(posix.dirname(path), temporaryPrefix + id())

  const exists = async (path: string): Promise<boolean> => (await disk.facts(path)) !== undefined
  const isDirectory = async (path: string): Promise<boolean> => (await disk.facts(path))?.kind === 'directory'

  /** Under a temporary name first, and then by one rename over whatever is there. */
  const replaceBy = async (
    name: string,
    path: string,
    { begin, finish }: { readonly begin: (temporary: string) => Promise<void>; finish: () => Promise<void> },
  ): Promise<void> => {
    if (await isDirectory(path)) return look(name, finish) // which is refused
    const temporary = temporaryFor(path)
    await change(`${name}: begin`, () => begin(temporary))
    await change(`${name}: rename`, async () => {
      await disk.remove(temporary)
      await finish()
    })
  }

  const removeAll = async (path: string): Promise<void> => {
    if (await isDirectory(path))
      for (const name of await disk.list(path)) await removeAll(posix.join(path, name))
    await change(`remove ${path}`, () => disk.remove(path))
  }

  return {
    read: (path, options) => look(`read ${path}`, () => disk.read(path, options)),
    list: path => look(`list ${path}`, () => disk.list(path)),
    facts: path => look(`facts ${path}`, () => disk.facts(path)),
    readLink: path => look(`readLink ${path}`, () => disk.readLink(path)),
    makeDirectory: async (path, mode) => {
      const missing: string[] = []
      for (let place = path; !(await exists(place)); place = posix.dirname(place)) missing.unshift(place)
      for (const place of missing)
        await change(`makeDirectory ${place}`, () => disk.makeDirectory(place, mode))
      if (missing.length === 0) await look(`makeDirectory ${path}`, () => disk.makeDirectory(path, mode))
    },
    writeNew: async (path, content, mode) => {
      const name = `writeNew ${path}`
      const finish = () => disk.writeNew(path, content, mode)
      if (await exists(path)) return look(name, finish) // which is refused
      const temporary = temporaryFor(path)
      await change(`${name}: begin`, () => disk.writeNew(temporary, beginningOf(content), mode))
      await change(`${name}: link`, finish)
      await change(`${name}: unlink`, () => disk.remove(temporary))
    },
    writeDirectory: async (path, content, mode) => {
      const name = `writeDirectory ${path}`
      if (await exists(path)) return look(name, () => disk.writeDirectory(path, content, mode)) // which is refused
      const temporary = temporaryFor(path)
      const begun = content.slice(0, 1).map(file => ({ ...file, content: beginningOf(file.content) }))
      await change(`${name}: begin`, () => disk.writeDirectory(temporary, begun, mode))
      await change(`${name}: go on`, async () => {
        await disk.remove(temporary)
        await disk.writeDirectory(temporary, content, mode)
      })
      await change(`${name}: rename`, () => disk.rename(temporary, path))
    },
    replace: (path, content, mode) =>
      replaceBy(`replace ${path}`, path, {
        begin: temporary => disk.writeNew(temporary, beginningOf(content), mode),
        finish: () => disk.replace(path, content, mode),
      }),
    replaceLink: (path, target) =>
      replaceBy(`replaceLink ${path}`, path, {
        begin: temporary => disk.replaceLink(temporary, target),
        finish: () => disk.replaceLink(path, target),
      }),
    rename: async (from, to) => {
      const refused = !(await exists(from)) || (await exists(to))
      return (refused ? look : change)(`rename ${from}`, () => disk.rename(from, to))
    },
    remove: async path =>
      (await exists(path)) ? removeAll(path) : look(`remove ${path}`, () => disk.remove(path)),
  }
}

/** Any part of it would do: nobody reads what has a temporary name. */
function beginningOf(content: Uint8Array | string): Uint8Array {
  const bytes = Buffer.from(content)
  return bytes.subarray(0, bytes.length >> 1)
}
