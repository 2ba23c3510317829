/** Disks that fail when a test wants them to. */
import type { FsOps } from '../runtime/files.ts'
import { fakeSystemError } from './memory-tree.ts'

/** One call of an {@link FsOps}; the first is number 1. */
export type FileCall = { readonly number: number; readonly operation: keyof FsOps; readonly path: string }

/** How a call fails: with which code of the system, and whether it takes effect all the same. */
export type Fault = { readonly code: string; readonly when?: 'before' | 'after' }

/** Decides about each call; `undefined` lets it pass. */
export type FaultRule = (call: FileCall) => Fault | undefined

export type FaultInjection = {
  /** The calls so far, failed ones included. */
  readonly calls: readonly FileCall[]
  /** Sets the rule for the calls to come, or with `undefined` makes the disk good again. */
  setFaults(rule: FaultRule | undefined): void
}

/** Fails the `number`th call, counted from the creation of the disk. */
export function failCall(number: number, code: string, when: 'before' | 'after' = 'before'): FaultRule {
  return call => (call.number === number ? { code, when } : undefined)
}

/** Fails the `number`th call and every one after it: the process that made it sees a dead disk. */
export function failFrom(number: number, code: string): FaultRule {
  return call => (call.number >= number ? { code } : undefined)
}

/** Fails every call of one operation. */
export function failOperation(operation: keyof FsOps, code: string): FaultRule {
  return call => (call.operation === operation ? { code } : undefined)
}

/** The same disk, counted and made to fail by a rule. Whatever else `files` can do stays as it is. */
export function faultyFiles<T extends FsOps>(files: T): T & FaultInjection {
  const calls: FileCall[] = []
  let rule: FaultRule | undefined
  const watch = async <R>(operation: keyof FsOps, path: string, run: () => Promise<R>): Promise<R> => {
    const call = { number: calls.length + 1, operation, path }
    calls.push(call)
    const fault = rule?.(call)
    if (fault === undefined) return await run()
    if (fault.when === 'after') await run()
    throw fakeSystemError(fault.code, operation, path)
  }
  const watched: FsOps & FaultInjection = {
    read: (path, options) => watch('read', path, () => files.read(path, options)),
    list: path => watch('list', path, () => files.list(path)),
    facts: path => watch('facts', path, () => files.facts(path)),
    makeDirectory: (path, mode) => watch('makeDirectory', path, () => files.makeDirectory(path, mode)),
    writeNew: (path, content, mode) => watch('writeNew', path, () => files.writeNew(path, content, mode)),
    writeDirectory: (path, content, mode) =>
      watch('writeDirectory', path, () => files.writeDirectory(path, content, mode)),
    replace: (path, content, mode) => watch('replace', path, () => files.replace(path, content, mode)),
    replaceLink: (path, target) => watch('replaceLink', path, () => files.replaceLink(path, target)),
    readLink: path => watch('readLink', path, () => files.readLink(path)),
    rename: (from, to) => watch('rename', from, () => files.rename(from, to)),
    remove: path => watch('remove', path, () => files.remove(path)),
    calls,
    setFaults: next => {
      rule = next
    },
  }
  return { ...files, ...watched }
}
