/** Programs that tests start: found, run and stopped. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, dirname, join, resolve } from 'node:path'
import { until } from './wait.ts'

const repository = dirname(dirname(import.meta.dirname))

// `tools/install-test-servers` builds into the first; the sbin directories are not in the PATH of a normal user.
const programDirectories = [
  join(repository, '.cache', 'bin'),
  ...(process.env['PATH'] ?? '').split(delimiter),
  '/usr/local/bin',
  '/usr/local/sbin',
  '/usr/sbin',
  '/usr/bin',
  join(homedir(), 'go', 'bin'),
]

/** The path of a program by its name or path, or `undefined` where it is not installed. */
export function findProgram(name: string): string | undefined {
  return programDirectories.map(directory => resolve(directory, name)).find(isExecutable)
}

/**
 * For the `skip` option of a test: why it cannot run here, or `false`.
 * @throws when CERTWRIGHT_REQUIRE_SERVERS=1, so that continuous integration never passes by skipping
 */
export function skipWithout(...names: readonly string[]): string | false {
  const missing = names.filter(name => findProgram(name) === undefined)
  if (missing.length === 0) return false
  const reason = `${missing.join(' and ')} not installed: run tools/install-test-servers`
  if (process.env['CERTWRIGHT_REQUIRE_SERVERS'] === '1') throw new Error(reason)
  return reason
}

/**
 * The path of a program that has to be there.
 * @throws when it is not installed
 */
export function requireProgram(name: string): string {
  const path = findProgram(name)
  if (path === undefined) throw new Error(`${name} is not installed: run tools/install-test-servers`)
  return path
}

export type Finished = { readonly exitCode: number; readonly stdout: string; readonly stderr: string }
export type RunOptions = {
  readonly cwd?: string
  /** The complete environment; by default only PATH and LANG. */
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
  readonly timeoutMs?: number
  /** Another user, also their group; root alone can choose. */
  readonly uid?: number | undefined
  /** The same, with a group that has another number. */
  readonly user?: { readonly uid: number; readonly gid: number } | undefined
}

/** Runs a program to its end; any exit code is a result, 128 + the signal's number included. */
export function runProgram(
  path: string,
  args: readonly string[],
  { cwd, env = plainEnvironment(), input, timeoutMs = 60_000, uid, user }: RunOptions = {},
): Promise<Finished> {
  const { promise, resolve, reject } = Promise.withResolvers<Finished>()
  const who = user ?? (uid === undefined ? {} : { uid, gid: uid })
  const options = { cwd, env: { ...env }, timeout: timeoutMs, maxBuffer: 64 * 1024 * 1024, ...who }
  const child = execFile(path, args, options, (error, stdout, stderr) => {
    if (error === null) resolve({ exitCode: 0, stdout, stderr })
    else if (typeof error.code === 'number') resolve({ exitCode: error.code, stdout, stderr })
    else
      reject(new Error(`${path} ${args.join(' ')}: ${error.message}\n${stdout}${stderr}`, { cause: error }))
  })
  child.stdin?.on('error', () => {}) // a program may end without reading its input
  child.stdin?.end(input ?? '')
  return promise
}

/** A program that runs until it is disposed of. */
export type RunningProgram = AsyncDisposable & {
  readonly pid: number
  /** Everything it has written so far, both streams in the order of arrival. */
  output(): string
  /** Waits until the output matches. */
  waitForOutput(pattern: RegExp, options?: { readonly timeoutMs?: number }): Promise<RegExpExecArray>
  /** Sends a signal and waits for nothing. */
  signal(name: NodeJS.Signals): void
  /** Its exit code, or the name of the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>
  hasEnded(): boolean
}

/**
 * Starts a program; disposing of it sends SIGTERM to the process that was started and no other.
 * @param stopMs - after this a program that ignores the signal is killed
 */
export async function startProgram(
  path: string,
  args: readonly string[],
  {
    cwd,
    env = plainEnvironment(),
    user,
    stopMs = 5_000,
  }: Pick<RunOptions, 'cwd' | 'env' | 'user'> & { readonly stopMs?: number } = {},
): Promise<RunningProgram> {
  const child = spawn(path, args, { cwd, env: { ...env }, stdio: ['ignore', 'pipe', 'pipe'], ...user })
  await once(child, 'spawn')
  const pid = child.pid
  if (pid === undefined) throw new Error(`${path} did not start`)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const ended = new Promise<number | NodeJS.Signals>(resolve => {
    child.once('close', (exitCode, signal) => resolve(exitCode ?? signal ?? -1))
  })
  killWithThisProcess(child)
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null
  return {
    pid,
    output: () => output,
    waitForOutput: (pattern, options) =>
      until(
        `output of ${path} that matches ${pattern}`,
        () => {
          const match = pattern.exec(output)
          if (match === null && hasEnded()) throw new Error(`${path} ended without ${pattern}:\n${output}`)
          return match ?? undefined
        },
        options,
      ),
    signal: name => void child.kill(name),
    ended,
    hasEnded,
    async [Symbol.asyncDispose]() {
      if (hasEnded()) return
      child.kill('SIGTERM')
      const kill = setTimeout(() => child.kill('SIGKILL'), stopMs)
      await ended
      clearTimeout(kill)
    },
  }
}

/** PATH with this Node first, and LANG=C: nothing that could change what a program does. */
export function plainEnvironment(): Record<string, string> {
  const path = [dirname(process.execPath), ...programDirectories].join(delimiter)
  return { PATH: path, LANG: 'C' }
}

const children = new Set<ChildProcess>()

// A test file that crashes, is interrupted or runs into its time limit must not leave servers behind.
function killWithThisProcess(child: ChildProcess): void {
  if (children.size === 0 && process.listenerCount('exit', killChildren) === 0) {
    process.on('exit', killChildren)
    process.once('SIGINT', () => process.exit(130))
    process.once('SIGTERM', () => process.exit(143))
  }
  children.add(child)
  child.once('exit', () => children.delete(child))
}

function killChildren(): void {
  for (const child of children) child.kill('SIGKILL')
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false // whatever the reason, it cannot be run
  }
}
