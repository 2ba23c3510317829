/** Running programs: by path and argument vector, never by a shell. */

export type ExecResult = {
  /** 0 to 255, or `undefined` when a signal ended it. */
  readonly exitCode: number | undefined
  readonly stdout: string
  readonly stderr: string
}

export type ExecOptions = {
  /** Complete environment; by default only PATH, HOME and LANG=C. */
  readonly env?: Readonly<Record<string, string>>
  /** What it can read from its standard input; nothing by default. It need not read it. */
  readonly input?: string | Uint8Array
  /** Run as this user and group, where we are root; as ourselves otherwise. */
  readonly user?: { readonly uid: number; readonly gid: number }
  readonly timeoutMs?: number
  /** Refuse a program that every user of the machine may change and, for root, one that is not root's. */
  readonly trustedOnly?: boolean
  /** Largest output of either stream; more is an error. */
  readonly maxOutputBytes?: number
  readonly signal?: AbortSignal
}

/**
 * Runs `program` (a path, or a name looked up in a fixed list of system directories) and waits.
 * @throws AppError ERR_EXEC when it cannot be started, is not trusted, takes too long or prints too much; a non-zero exit is a result
 */
export type Exec = (program: string, args: readonly string[], options?: ExecOptions) => Promise<ExecResult>
