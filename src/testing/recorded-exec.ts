/** Programs that are scripts, and what they were run with. */
import { AppError } from '../base/errors.ts'
import type { Exec, ExecOptions } from '../runtime/exec.ts'
import type { Scripted } from './fake-network.ts'

/** One run of a program. */
export type RecordedRun = {
  readonly command: readonly string[]
  readonly options: ExecOptions
}

/** Runs a function in place of every program; where that gives nothing, there is no such program (ERR_EXEC). */
export function recordedExec(
  script: (
    command: readonly string[],
    options: ExecOptions,
  ) => Scripted | undefined | Promise<Scripted | undefined>,
): {
  readonly exec: Exec
  readonly runs: readonly RecordedRun[]
  readonly commands: () => readonly string[]
} {
  const runs: RecordedRun[] = []
  return {
    runs,
    commands: () => runs.map(({ command }) => command.join(' ')),
    exec: async (program, args, options = {}) => {
      const command = [program, ...args]
      const result = await script(command, options)
      if (result === undefined) throw new AppError('ERR_EXEC', `there is no program ${program}`)
      runs.push({ command, options })
      const given = typeof result === 'string' ? { stdout: result } : result
      return { exitCode: 0, stdout: '', stderr: '', ...given }
    },
  }
}
