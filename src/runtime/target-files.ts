/** Copies in the directories of services: written beside their places, named all at once, put back when that was wrong. */

/** A file as it is wanted. */
export type TargetFile = {
  /** Absolute. */
  readonly path: string
  readonly content: Uint8Array
  readonly mode: number
  /** Whoever runs Certwright when absent. */
  readonly uid?: number | undefined
  /** Whoever's group runs Certwright when absent. */
  readonly gid?: number | undefined
}

/** A file as it will be found again. */
export type FileCopy = {
  readonly path: string
  /** Lower-case hex. */
  readonly sha256: string
  readonly mode: number
  readonly uid: number
  readonly gid: number
}

/** Files that are ready under other names. One of `undo` and `keep` MUST be called in the end. */
export interface PreparedFiles {
  /** All of them, those that lie there as wanted already included. */
  readonly copies: readonly FileCopy[]
  /** Whether `commit` changes anything, or a process that died changed something and nobody knows yet if it was good. */
  readonly changes: boolean
  /** Whether a file lies at any of the paths: something to go back to. */
  readonly replaces: boolean
  /**
   * Gives the new files their names, one rename after the other; what lay there is kept aside.
   * @throws AppError ERR_DEPLOY; some may have their names then, and `undo` puts all back
   */
  commit(): Promise<void>
  /**
   * Puts back what lay there, the very files with their owners and modes; before `commit`, removes what was prepared. What a
   * process that died before had kept aside is put back, too.
   * @throws AppError ERR_DEPLOY that says where it could not be done
   */
  undo(): Promise<void>
  /** Forgets what lay there before. */
  keep(): Promise<void>
}

/**
 * The directories may belong to services whose users are hostile: no link is followed that somebody besides root and us
 * could have made, and no file is ever opened for writing but one that this call has created.
 */
export interface TargetFiles {
  /**
   * Writes those that do not lie there as wanted, with owner and mode. Durable.
   * @param options.makeDirectory - is made (0755) when it is missing; its parent must be there
   * @throws AppError ERR_DEPLOY; then nothing is left behind
   */
  prepare(files: readonly TargetFile[], options?: { readonly makeDirectory?: string }): Promise<PreparedFiles>
}
