/** Programs that make servers do something: what they say when they cannot. */
import { AppError, isAppError, messageOf } from '../../../base/errors.ts'
import { minuteMs } from '../../../base/instant.ts'
import { printable } from '../../../base/printable.ts'
import type { ExecOptions, ExecResult } from '../../../runtime/exec.ts'
import type { Runtime } from '../../../runtime/runtime.ts'

/** How long a program may take that makes servers read their files. */
const timeoutMs = minuteMs
/** What is shown of its output. */
const maxComplaint = 400
const maxShownCommand = 300

/** What a program said, errors before anything else, in one line of a length that can be shown. */
export function lastWords({ stdout, stderr }: Pick<ExecResult, 'stdout' | 'stderr'>): string {
  const said = (stderr.trim() || stdout.trim()).slice(-maxComplaint)
  return printable(said.trim().replaceAll(/\s*\n\s*/g, ' / '))
}

/**
 * Runs a program; any exit code is a result.
 * @throws AppError ERR_DEPLOY where it cannot be run, ERR_ABORTED
 */
export async function runProgram(
  program: string,
  args: readonly string[],
  { exec }: Pick<Runtime, 'exec'>,
  options: ExecOptions,
): Promise<ExecResult> {
  try {
    return await exec(program, args, { timeoutMs, trustedOnly: true, ...options })
  } catch (cause) {
    if (!isAppError(cause, 'ERR_EXEC')) throw cause
    throw new AppError('ERR_DEPLOY', messageOf(cause), { hint: cause.hint, cause })
  }
}

/**
 * Runs a program that has to succeed.
 * @throws AppError ERR_DEPLOY with what it said
 */
export async function runOrFail(
  program: string,
  args: readonly string[],
  runtime: Pick<Runtime, 'exec'>,
  {
    hint = 'run it by hand as the user that runs certwright, and see what it says',
    ...options
  }: ExecOptions & { readonly hint?: string },
): Promise<ExecResult> {
  const result = await runProgram(program, args, runtime, options)
  if (result.exitCode === 0) return result
  const command = shownCommand([program, ...args])
  throw new AppError('ERR_DEPLOY', `"${command}" ${describeEnding(result)}`, { hint })
}

/** How a program ended, and what it said: `ended with exit code 1: no such unit`. */
export function describeEnding(result: ExecResult): string {
  const said = lastWords(result)
  const ending =
    result.exitCode === undefined ? 'was ended by a signal' : `ended with exit code ${result.exitCode}`
  return `${ending}${said && `: ${said}`}`
}

/** A command as people read it. */
export function shownCommand(command: readonly string[]): string {
  return printable(command.join(' '), maxShownCommand)
}
