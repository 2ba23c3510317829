/** Locks between processes on one host. */

/** A held lock. The kernel frees it when the process dies. */
export interface Lock extends AsyncDisposable {
  readonly path: string
}

/**
 * Takes the lock at `path` (a file that stays) at once or not at all.
 * @returns the lock, or what its holder is about (`renew a.example (pid 123)`; empty when unknown)
 */
export type TryLock = (path: string, about: string) => Promise<Lock | { readonly holder: string }>
