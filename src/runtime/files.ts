/** Files: few operations, each durable when it resolves. */

export type FileKind = 'file' | 'directory' | 'symlink' | 'other'
export type FileFacts = {
  readonly kind: FileKind
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly size: number
  readonly mtimeMs: number
  /** When content, name or mode last changed; unlike `mtimeMs` no program can set it. */
  readonly ctimeMs: number
  readonly dev: number
  readonly ino: number
}

/** A file of a directory that is written as a whole. */
export type NewFile = {
  readonly name: string
  readonly content: Uint8Array | string
  readonly mode: number
}

/** What the names of temporary files begin with; those that a killed process left behind may be deleted. */
export const temporaryPrefix = '.certwright-tmp-'

/**
 * All that Certwright does to a disk. Errors are the system's own (`error.code` is `ENOENT`, `ENOSPC`, …).
 * "Durable" means: file synced, and the directory that names it synced.
 */
export interface FsOps {
  /** The content of a file, or `undefined` where there is none. Refuses more than `maxBytes` (default 1 MiB) with EFBIG. */
  read(path: string, options?: { readonly maxBytes?: number }): Promise<Uint8Array | undefined>
  /** Names in a directory, sorted; empty where there is no such directory. */
  list(path: string): Promise<readonly string[]>
  /** Facts of what is at `path`, symbolic links not followed, or `undefined`. */
  facts(path: string): Promise<FileFacts | undefined>
  /** Creates a directory and its missing parents with `mode`; an existing one is left as it is. Durable. */
  makeDirectory(path: string, mode: number): Promise<void>
  /** Creates a file that must not exist (EEXIST), with `mode` from its first instant. Durable. */
  writeNew(path: string, content: Uint8Array | string, mode: number): Promise<void>
  /**
   * Creates a directory that must not exist (EEXIST), with these files, written in this order: all of it or nothing. Its
   * parent must be there. Durable.
   */
  writeDirectory(path: string, files: readonly NewFile[], mode: number): Promise<void>
  /** Writes a temporary file beside `path`, syncs it, and renames it over `path`. Durable. */
  replace(path: string, content: Uint8Array | string, mode: number): Promise<void>
  /** Makes `path` a symbolic link to `target` by one rename, whatever was there. Durable. */
  replaceLink(path: string, target: string): Promise<void>
  /** The target of a symbolic link, or `undefined` where there is none. */
  readLink(path: string): Promise<string | undefined>
  /** Renames within one file system; the destination must be free. Durable. */
  rename(from: string, to: string): Promise<void>
  /** Deletes a file, a link or a directory with all below it; nothing there is fine. */
  remove(path: string): Promise<void>
}

/** How much a user without privileges may still write to the file system of a directory; `undefined` where that is not told. */
export type FreeBytes = (directory: string) => Promise<number | undefined>
