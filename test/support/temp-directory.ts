/** A directory for one test. */
import { rmSync } from 'node:fs'
import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A directory that exists until it is disposed of, at the latest until the process ends. */
export type TempDirectory = AsyncDisposable & { readonly path: string }

/**
 * Makes a fresh directory, mode 0700, its path without symbolic links.
 * @example await using directory = await tempDirectory()
 */
export async function tempDirectory(): Promise<TempDirectory> {
  const path = await mkdtemp(join(await realpath(tmpdir()), 'certwright-test-'))
  const removeAtExit = () => rmSync(path, removal)
  process.once('exit', removeAtExit)
  return {
    path,
    async [Symbol.asyncDispose]() {
      process.off('exit', removeAtExit)
      await rm(path, removal)
    },
  }
}

// Retried, because a server that was just stopped may still be writing its last log line.
const removal = { recursive: true, force: true, maxRetries: 5, retryDelay: 50 } as const
