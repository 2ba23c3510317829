/** Which process a target means, by its options. */
import { AppError } from '../../../base/errors.ts'
import { printable } from '../../../base/printable.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import {
  beganAfter,
  findByPidFile,
  findByProgram,
  isCalled,
  type ProcessSearch,
  type RunningProcess,
} from './processes.ts'

/** The options by which a process is found. */
export type ProcessOptions = {
  readonly 'pid-file'?: string | undefined
  readonly program?: string | undefined
  readonly port?: number | undefined
}

export type SearchRuntime = Pick<Runtime, 'clock' | 'exec' | 'files' | 'portOwner'>

/** Looks for the process of a target. */
export function searchProcess(
  { 'pid-file': pidFile, program, port }: ProcessOptions,
  { signal }: { readonly signal: AbortSignal },
  runtime: SearchRuntime,
): Promise<ProcessSearch> {
  if (pidFile === undefined) return findByProgram(program ?? '', { port, signal }, runtime)
  const refuse = async (found: RunningProcess) => {
    if (program !== undefined) return isCalled(program)(found) ? undefined : `is not ${printable(program)}`
    const isStranger = await beganAfter(found, pidFile, { signal }, runtime)
    return isStranger ? 'began after the file was written, so it is another one' : undefined
  }
  return findByPidFile(pidFile, { refuse, signal }, runtime)
}

/** What to call the process, for people. */
export function processName({ 'pid-file': pidFile, program }: ProcessOptions): string {
  return printable(program ?? `the process of ${pidFile ?? ''}`)
}

/** Why nothing can be done to a process that was not found. */
export function notRunning(options: ProcessOptions, text: string): AppError {
  return new AppError('ERR_DEPLOY', `${processName(options)} is not running: ${text}`, {
    hint:
      options['pid-file'] === undefined
        ? 'start it, or say more exactly which one is meant: pid-file, or port'
        : 'start it; if it runs, correct pid-file, and name its program in the target',
  })
}
