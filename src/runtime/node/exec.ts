/** Running programs on this machine. */
import type { ChildProcessByStdio } from 'node:child_process'
import { accessSync, constants, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { abortedError } from '../../base/aborted.ts'
import { formatDuration } from '../../base/duration.ts'
import { AppError, messageOf, systemCodeOf } from '../../base/errors.ts'
import { minuteMs } from '../../base/instant.ts'
import { printable } from '../../base/printable.ts'
import type { Exec, ExecOptions, ExecResult } from '../exec.ts'
import { programWeakness } from './path-control.ts'

/** Where programs without a path are looked for: never the caller's PATH, which others may have written. */
const programDirectories: readonly string[] = [
  '/usr/local/sbin',
  '/usr/local/bin',
  '/usr/sbin',
  '/usr/bin',
  '/sbin',
  '/bin',
  '/opt/homebrew/sbin',
  '/opt/homebrew/bin',
  '/usr/pkg/sbin',
  '/usr/pkg/bin',
]
const defaultTimeoutMs = minuteMs
/** `nginx -T` prints the whole configuration; thousands of sites make some megabytes. */
const defaultMaxOutputBytes = 16 * 1024 * 1024
/** What is shown of the output of a program that did not end: two lines. */
const maxLastWords = 160
/** A program that left a daemon behind may never close its output: how long to read on after it ended. */
const drainMs = 500

/** Runs programs as process groups of their own. */
export function nodeExec(): Exec {
  return async (program, args, options = {}) => {
    if (options.signal?.aborted) throw abortedError(options.signal, `running ${printable(program)}`)
    const { spawn } = await import('node:child_process')
    const path = findProgram(program)
    if (options.trustedOnly === true) refuseWeak(path)
    const start = (): Child =>
      spawn(path, [...args], {
        env: { ...(options.env ?? defaultEnvironment()) },
        stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
        ...(process.geteuid?.() === 0 && options.user),
        detached: true, // a group of its own, so that its children can be ended with it
      }) as Child // both outputs are pipes
    return await run(start, path, options)
  }
}

function findProgram(program: string): string {
  if (isAbsolute(program)) return program
  if (program.includes('/')) {
    throw new AppError('ERR_EXEC', `${printable(program)} is neither an absolute path nor a program name`, {
      hint: 'write the path from / on',
    })
  }
  const found = programDirectories.map(directory => join(directory, program)).find(isProgram)
  if (found !== undefined) return found
  throw new AppError('ERR_EXEC', `there is no program ${printable(program)}`, {
    hint: `install it, or give its absolute path; looked in ${programDirectories.join(', ')}`,
  })
}

// It runs with our rights, so nobody else may have a say in it.
function refuseWeak(path: string): void {
  const weakness = attempt(() => programWeakness(path), path)
  if (weakness === undefined) return
  const shown = printable(weakness.path)
  throw new AppError('ERR_EXEC', `${printable(path)} is not run: ${shown} ${weakness.text}`, {
    hint: `chown root ${shown} && chmod go-w ${shown}, once you have looked at what it does`,
  })
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false // whatever is wrong with it, it cannot be run
  }
}

function defaultEnvironment(): Record<string, string> {
  return { PATH: programDirectories.join(':'), HOME: homedir(), LANG: 'C' }
}

type Child = ChildProcessByStdio<Writable | null, Readable, Readable>

function run(start: () => Child, path: string, options: ExecOptions): Promise<ExecResult> {
  const { timeoutMs = defaultTimeoutMs, maxOutputBytes = defaultMaxOutputBytes, signal } = options
  return new Promise((resolve, reject) => {
    const child = attempt(start, path)
    let failure: AppError | undefined
    let drain: NodeJS.Timeout | undefined
    const closeOutputs = (): void => {
      child.stdout.destroy()
      child.stderr.destroy()
    }
    const stop = (error: AppError): void => {
      failure ??= error
      killGroup(child)
      closeOutputs()
    }
    const onAbort = (): void => {
      if (signal) stop(abortedError(signal, `running ${printable(path)}`))
    }
    const settle = (outcome: () => void): void => {
      clearTimeout(timer)
      clearTimeout(drain)
      signal?.removeEventListener('abort', onAbort)
      outcome()
    }
    const timer = setTimeout(() => stop(tooSlow(path, timeoutMs, stderr() || stdout())), timeoutMs)
    child.once('error', error => settle(() => reject(startError(path, error))))
    if (child.pid === undefined) return // the error is on its way, and there may be no streams
    signal?.addEventListener('abort', onAbort, { once: true })
    child.stdin?.on('error', () => {}) // a program that does not read all of it does as it likes
    child.stdin?.end(options.input)
    const stdout = collect(child.stdout, maxOutputBytes, () => stop(tooMuch(path, maxOutputBytes)))
    const stderr = collect(child.stderr, maxOutputBytes, () => stop(tooMuch(path, maxOutputBytes)))
    child.once('exit', () => {
      drain = setTimeout(closeOutputs, drainMs)
    })
    child.once('close', code => {
      settle(() => {
        if (failure) reject(failure)
        else resolve({ exitCode: code ?? undefined, stdout: stdout(), stderr: stderr() })
      })
    })
  })
}

function attempt<T>(start: () => T, path: string): T {
  try {
    return start()
  } catch (error) {
    throw startError(path, error) // some failures, such as too long arguments, are thrown and not emitted
  }
}

/** Gathers a stream's text; calls `tooMuch` and drops the rest when it passes `maxBytes`. */
function collect(stream: Readable, maxBytes: number, tooMuch: () => void): () => string {
  const chunks: Buffer[] = []
  let length = 0
  stream.on('data', (chunk: Buffer) => {
    length += chunk.length
    if (length > maxBytes) tooMuch()
    else chunks.push(chunk)
  })
  return () => Buffer.concat(chunks).toString('utf8')
}

/** Ends the program with all its children; once it has ended by itself, what it left behind is left alone. */
function killGroup({ pid, exitCode, signalCode }: Child): void {
  if (pid === undefined || exitCode !== null || signalCode !== null) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (error) {
    if (systemCodeOf(error) !== 'ESRCH') throw error // already gone is what we wanted
  }
}

function tooMuch(path: string, maxOutputBytes: number): AppError {
  return new AppError(
    'ERR_EXEC',
    `${printable(path)} was ended: it printed more than ${maxOutputBytes} bytes`,
  )
}

function tooSlow(path: string, timeoutMs: number, output: string): AppError {
  const said = printable(output.trimEnd().slice(-maxLastWords))
  return new AppError(
    'ERR_EXEC',
    `${printable(path)} was ended: it took longer than ${formatDuration(timeoutMs)}${said && `; it said last: ${said}`}`,
  )
}

function startError(path: string, cause: unknown): AppError {
  const hints: Readonly<Record<string, string>> = {
    ENOENT: 'install it, or correct the path',
    EACCES: 'make it executable for this user',
    EPERM:
      'let certwright change to the user of the server: with systemd by CapabilityBoundingSet=CAP_SETUID CAP_SETGID',
  }
  return new AppError(
    'ERR_EXEC',
    `${printable(path)} cannot be started: ${systemCodeOf(cause) === 'ENOENT' ? 'it is not there, or the program that its first line names is not' : messageOf(cause)}`,
    {
      hint: hints[systemCodeOf(cause) ?? ''],
      cause,
    },
  )
}
