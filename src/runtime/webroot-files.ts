/** Writing below a directory that belongs to somebody else, who may be hostile. */

/** A file below a root: the root (may be reached through links) and the components below it (may not). */
export type RootedPath = { readonly root: string; readonly components: readonly string[] }

/**
 * No component below the root may be a symbolic link, at any instant: on Linux the walk goes through open directory
 * handles (`/proc/self/fd`), elsewhere each component is checked before and after.
 */
export interface WebrootFiles {
  /** The directories on the way to the file that do not exist yet, outermost first, as counts of components. */
  missingDirectories(path: RootedPath): Promise<readonly number[]>
  /**
   * Creates the missing directories (0755) and the file (0644), exclusively.
   * @throws AppError ERR_WEBROOT naming the component that is missing, a link, not a directory, or not writable
   */
  create(path: RootedPath, content: string): Promise<void>
  /**
   * Deletes the file if it is a regular file with this content, or with a beginning of it (all that a killed process may
   * have written), then those of `directories` (counts of components) that are empty. Nothing there is fine.
   */
  remove(path: RootedPath, content: string, directories: readonly number[]): Promise<void>
}
