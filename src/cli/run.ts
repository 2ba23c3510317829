/** Runs one command: its result goes to stdout, its error to stderr, and both become an exit code. */
import { AppError, type ErrorCode, isAppError } from '../base/errors.ts'
import { printResult } from '../runtime/node/standard-output.ts'
import {
  type CommandContext,
  type CommandResult,
  type ExitCode,
  exitCodes,
  type GlobalOptions,
} from './command.ts'
import { createContext } from './context.ts'
import { describeError, errorJson } from './error-text.ts'

/** A command whose own options are filled in. */
export type Run = (context: CommandContext) => Promise<CommandResult>

/** Runs a command, which SIGINT and SIGTERM abort, and prints what comes of it. Never throws. */
export async function runCommand(globals: GlobalOptions, run: Run): Promise<ExitCode> {
  const abort = new AbortController()
  const stop = (signal: NodeJS.Signals) => abort.abort(new AppError('ERR_ABORTED', `stopped by ${signal}`))
  process.once('SIGINT', stop).once('SIGTERM', stop)
  let endProgress = () => {}
  try {
    const context = createContext(globals, abort.signal)
    endProgress = context.endProgress
    const result = await run(context)
    endProgress()
    printResult(globals.json === true ? document(result.json) : withNewline(result.text))
    return result.exitCode
  } catch (error) {
    endProgress()
    reportError(error, globals)
    return exitCodeOf(error)
  } finally {
    process.removeListener('SIGINT', stop).removeListener('SIGTERM', stop)
  }
}

/** Prints an error: to stderr for people, with `json` also to stdout for programs. */
export function reportError(
  error: unknown,
  { json, color, verbose = false }: Pick<GlobalOptions, 'json' | 'color' | 'verbose'>,
): void {
  if (json === true) printResult(`${JSON.stringify({ error: errorJson(error) }, undefined, 2)}\n`)
  process.stderr.write(describeError(error, { color, verbose }))
}

const usageErrors: readonly ErrorCode[] = [
  'ERR_USAGE',
  'ERR_CONFIG',
  'ERR_CONFIG_READ',
  'ERR_IDENTIFIER',
  'ERR_TERMS',
]

function exitCodeOf(error: unknown): ExitCode {
  return isAppError(error, ...usageErrors) ? exitCodes.usage : exitCodes.failed
}

/** Nothing where a command has printed its documents itself. */
function document(json: unknown): string {
  return json === undefined ? '' : `${JSON.stringify(json, undefined, 2)}\n`
}

function withNewline(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`
}
