/** Hints that something on the disk has changed. */

/**
 * Calls `onChange` when something in one of the directories changes, until it is disposed of. These are hints: systems
 * report too much, some file systems nothing, and a directory that is not there is not watched. Never throws.
 */
export type Watch = (directories: readonly string[], onChange: () => void) => Disposable
