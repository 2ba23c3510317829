/** Locks in memory. */
import type { TryLock } from '../runtime/lock.ts'

/** One table of locks: callers of one value exclude each other. */
export function fakeTryLock(): TryLock {
  const held = new Map<string, { readonly about: string }>()
  return async (path, about) => {
    const other = held.get(path)
    if (other) return { holder: other.about }
    const own = { about }
    held.set(path, own)
    return {
      path,
      [Symbol.asyncDispose]: async () => {
        if (held.get(path) === own) held.delete(path)
      },
    }
  }
}
