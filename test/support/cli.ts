/** The command line, run as users run it. */
import { dirname, join } from 'node:path'
import {
  type Finished,
  plainEnvironment,
  type RunningProgram,
  type RunOptions,
  runProgram,
  startProgram,
} from './programs.ts'

/** The sources, or a built or installed certwright.js named by CERTWRIGHT_BIN. */
export const cliPath =
  process.env['CERTWRIGHT_BIN'] ?? join(dirname(dirname(import.meta.dirname)), 'src', 'cli', 'main.ts')

/** Runs one command to its end. The environment is clean; `env` adds to it. HOME does not exist unless given. */
export function runCli(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  return runProgram(process.execPath, [cliPath, ...args], { ...options, env: cliEnvironment(options.env) })
}

/**
 * Starts a command that stays: `demo`, `run`, …
 * @param under - a program and its arguments that become the command: `setpriv ...`
 */
export function startCli(
  args: readonly string[],
  { under = [], ...options }: Pick<RunOptions, 'cwd' | 'env'> & { readonly under?: readonly string[] } = {},
): Promise<RunningProgram> {
  const [program = process.execPath, ...rest] = [...under, process.execPath, cliPath, ...args]
  return startProgram(program, rest, { ...options, env: cliEnvironment(options.env) })
}

function cliEnvironment(added: Readonly<Record<string, string>> = {}): Record<string, string> {
  return { ...plainEnvironment(), HOME: '/nonexistent', NO_COLOR: '1', ...added }
}
