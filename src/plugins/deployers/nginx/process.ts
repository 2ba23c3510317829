/** Whether nginx runs, as its pid file and the system tell. */
import { isAppError, messageOf } from '../../../base/errors.ts'
import { printable } from '../../../base/printable.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import type { Config } from './config.ts'

/** Whether the master process is there; if not, how that was seen. */
export type ProcessState = { readonly running: true } | { readonly running: false; readonly text: string }

/** Digits of the largest pid: `kernel.pid_max` is at most 2^22. */
const pidPattern = /^[1-9]\d{0,6}\s*$/

/**
 * The pid file: the `pid` directive, or what nginx was built with.
 * @param askBuild - the output of `nginx -V`, asked for only when the configuration does not tell
 */
export async function pidFileOf(
  { directives }: Pick<Config, 'directives'>,
  { prefix, askBuild }: { readonly prefix: string | undefined; readonly askBuild: () => Promise<string> },
): Promise<string> {
  const configured = directives.findLast(({ name }) => name === 'pid')?.args[0]
  if (configured?.startsWith('/')) return configured
  const build = await askBuild()
  const builtWith = (option: string): string | undefined => new RegExp(` --${option}=(\\S+)`).exec(build)?.[1]
  const file = configured ?? builtWith('pid-path') ?? 'logs/nginx.pid'
  if (file.startsWith('/')) return file
  const directory = prefix ?? builtWith('prefix') ?? '/usr/local/nginx' // nginx's own default
  return `${directory.replace(/\/$/, '')}/${file}`
}

/** Reads the pid file and looks whether the process it names is an nginx. */
export async function lookForMaster(
  pidFile: string,
  runtime: Pick<Runtime, 'files' | 'exec'>,
  { signal }: { readonly signal: AbortSignal },
): Promise<ProcessState> {
  const shown = printable(pidFile)
  const text = await readText(pidFile, runtime)
  if (typeof text !== 'string') return { running: false, text: `${shown} ${text.problem}` }
  // `nginx -t` leaves an empty file behind where there was none.
  if (!pidPattern.test(text)) return { running: false, text: `${shown} holds no process id` }
  const pid = text.trim()
  const title = await titleOf(pid, runtime, signal)
  // A process id may have been given to somebody else since, whom a signal for nginx would end.
  if (title === undefined) return { running: false, text: `${shown} names process ${pid}, which is gone` }
  if (!isNginx(title)) {
    return { running: false, text: `${shown} names process ${pid}, which is another program` }
  }
  return { running: true }
}

/** `nginx: master process …`, another program of the family in the same form, or the program's own path. */
function isNginx(title: string): boolean {
  const [first = ''] = title.split(/[\0 ]/)
  return /^\S+: master process/.test(title) || first.slice(first.lastIndexOf('/') + 1).includes('nginx')
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
