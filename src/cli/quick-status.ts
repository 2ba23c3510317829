/** `status`, and all that it loads. It is built into one file, since each file of code costs about half a millisecond. */
import { type ExitCode, type GlobalOptions } from './command.ts'
import { status } from './commands/status.ts'
import { runCommand } from './run.ts'

/** Runs `certwright status`. */
export function runStatus(globals: GlobalOptions): Promise<ExitCode> {
  return runCommand(globals, status)
}
