/** Hints that a test gives. */
import type { Watch } from '../runtime/watch.ts'

export type FakeWatch = Watch & {
  /** Tells whoever watches this directory that something changed in it. */
  hint(directory: string): void
}

/** A disk that changes when a test says so. */
export function fakeWatch(): FakeWatch {
  const watchers = new Set<{ readonly directories: readonly string[]; readonly onChange: () => void }>()
  const watch: Watch = (directories, onChange) => {
    const watcher = { directories, onChange }
    watchers.add(watcher)
    return { [Symbol.dispose]: () => void watchers.delete(watcher) }
  }
  return Object.assign(watch, {
    hint: (directory: string) => {
      for (const { directories, onChange } of watchers) if (directories.includes(directory)) onChange()
    },
  })
}
