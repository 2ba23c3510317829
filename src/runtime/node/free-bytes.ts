/** Room on a disk. */
import type { FreeBytes } from '../files.ts'

/** Asks the system; a directory that is not there, or cannot be looked at, tells nothing. */
export function nodeFreeBytes(): FreeBytes {
  return async directory => {
    const { statfs } = await import('node:fs/promises')
    try {
      const { bavail, bsize } = await statfs(directory)
      return bavail * bsize
    } catch {
      return undefined
    }
  }
}
