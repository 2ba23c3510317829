/** Watching directories by what the kernel tells. */
import { type FSWatcher, watch } from 'node:fs'
import type { Watch } from '../watch.ts'

/** Watches directories of this machine; that alone does not keep the process alive. */
export function nodeWatch(): Watch {
  return (directories, onChange) => {
    const watchers = directories.flatMap(directory => watchOne(directory, onChange) ?? [])
    return {
      [Symbol.dispose]: () => {
        for (const watcher of watchers) watcher.close()
      },
    }
  }
}

function watchOne(directory: string, onChange: () => void): FSWatcher | undefined {
  try {
    return watch(directory, { persistent: false }, onChange).on('error', () => {})
  } catch {
    return undefined // it is not there, or the kernel has no more watches to give: there will be no hints
  }
}
