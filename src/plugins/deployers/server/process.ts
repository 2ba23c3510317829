/** Whether a server runs, as its pid file and the system tell. */
import { isAppError, messageOf } from '../../../base/errors.ts'
import { printable } from '../../../base/printable.ts'
import type { Runtime } from '../../../runtime/runtime.ts'

/** The process; if it is not there, how that was seen. */
export type ProcessState =
  | { readonly running: true; readonly pid: number }
  | { readonly running: false; readonly text: string }

/** Digits of the largest pid: `kernel.pid_max` is at most 2^22. */
const pidPattern = /^\s*[1-9]\d{0,6}\s*$/

/** Reads the pid file and looks whether the process that it names is the expected one. */
export async function lookForProcess(
  pidFile: string,
  runtime: Pick<Runtime, 'files' | 'exec'>,
  { isIt, signal }: { readonly isIt: (title: string) => boolean; readonly signal: AbortSignal },
): Promise<ProcessState> {
  const shown = printable(pidFile)
  const read = await readPid(pidFile, runtime)
  if (typeof read !== 'number') return { running: false, text: `${shown} ${read.problem}` }
  const title = await titleOf(String(read), runtime, signal)
  // A process id may have been given to somebody else since, whom a signal for nginx would end.
  if (title === undefined) return { running: false, text: `${shown} names process ${read}, which is gone` }
  if (!isIt(title)) {
    return { running: false, text: `${shown} names process ${read}, which is another program` }
  }
  return { running: true, pid: read }
}

/** The process id in a pid file, or what is wrong with the file, in words that follow its path. */
export async function readPid(
  path: string,
  runtime: Pick<Runtime, 'files'>,
): Promise<number | { readonly problem: string }> {
  const text = await readText(path, runtime)
  if (typeof text !== 'string') return text
  // Some programs leave an empty file behind where there was none: `nginx -t` does.
  return pidPattern.test(text) ? Number(text.trim()) : { problem: 'holds no process id' }
}

async function readText(
  path: string,
  { files }: Pick<Runtime, 'files'>,
): Promise<string | { readonly problem: string }> {
  try {
    const content = await files.read(path, { maxBytes: 64 })
    return content === undefined ? { problem: 'does not exist' } : new TextDecoder().decode(content)
  } catch (error) {
    return { problem: `cannot be read: ${printable(messageOf(error))}` }
  }
}

/** The command line of a process, or undefined when there is none. */
async function titleOf(
  pid: string,
  { files, exec }: Pick<Runtime, 'files' | 'exec'>,
  signal: AbortSignal,
): Promise<string | undefined> {
  if ((await files.facts('/proc/self/cmdline')) === undefined) {
    const { exitCode, stdout } = await exec('ps', ['-o', 'args=', '-p', pid], { signal })
    return exitCode === 0 ? stdout : undefined
  }
  try {
    const content = await files.read(`/proc/${pid}/cmdline`)
    return content === undefined ? undefined : new TextDecoder().decode(content)
  } catch (error) {
    if (isAppError(error)) throw error
    return undefined // gone while it was being read
  }
}

/** For a program by its name: how the command line begins, or a title that the program has given itself. */
export function isProgram(name: string): (title: string) => boolean {
  return title => {
    const [first = ''] = title.split(/[\0 ]/)
    return first.replace(/:$/, '').slice(first.lastIndexOf('/') + 1) === name
  }
}
