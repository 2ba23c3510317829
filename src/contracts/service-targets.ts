/** What can be set for the targets that make a server of this machine read its files, whatever server it is. */
import { printable } from '../base/printable.ts'
import { v } from '../base/schema.ts'
import { processSignals } from '../runtime/send-signal.ts'
import { absolutePath, commandSchema, targetWithFiles } from './files-target.ts'
import { timeoutSchema } from './timeout.ts'

const maxPort = 65_535

const unit = v.pipe(
  v.string(),
  v.regex(
    /^[a-zA-Z0-9:_.\\][a-zA-Z0-9:_.\\@-]*$/,
    'must be the name of a unit such as nginx or postgresql@17-main',
  ),
)
const program = v.pipe(
  v.string(),
  v.check(isPlain, 'must be the name of a program as ps shows it, without its directory'),
)
const container = v.pipe(v.string(), v.check(isPlain, 'must be the name of a container'))
const label = v.pipe(
  v.string(),
  v.check(
    text => text.split('=').slice(0, 1).every(isPlain) && printable(text, text.length) === text,
    'must be a label such as com.docker.compose.service=web',
  ),
)
const signal = v.picklist(processSignals, `must be one of ${processSignals.join(', ')}`)

/** Nothing that a program could take for an option, for two words, or for a path. */
function isPlain(name: string): boolean {
  return /^[^-\s/][^\s/]*$/.test(name) && printable(name, name.length) === name
}

/** What systemd is asked to do with a unit. */
const unitActions = ['reload-or-restart', 'reload', 'restart'] as const

/** Schema of `systemd:`. @internal */
export const systemdTargetSchema = targetWithFiles({ unit, action: v.optional(v.picklist(unitActions)) })

const processEntries = {
  'pid-file': v.optional(absolutePath),
  program: v.optional(program),
  port: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(maxPort))),
}
const portNeedsProgram = 'can have a port only together with a program, and without a pid-file'

/** Schema of `process:`. @internal */
export const processTargetSchema = v.pipe(
  targetWithFiles({ ...processEntries, signal: v.optional(signal) }),
  v.check(
    target => target['pid-file'] !== undefined || target.program !== undefined,
    'must have a pid-file, or the name of a program',
  ),
  v.check(
    ({ 'pid-file': pidFile, port, program: name }) =>
      port === undefined || (name !== undefined && pidFile === undefined),
    portNeedsProgram,
  ),
)

/** Schema of `exec:`. @internal */
export const execTargetSchema = targetWithFiles({
  command: commandSchema,
  undo: v.optional(commandSchema),
  timeout: v.optional(timeoutSchema),
})

/** Schema of `restart-if-older:`. @internal */
export const restartIfOlderTargetSchema = v.pipe(
  targetWithFiles({
    unit: v.optional(unit),
    ...processEntries,
    restart: v.optional(commandSchema),
    timeout: v.optional(timeoutSchema),
  }),
  v.check(
    ({ unit: name, 'pid-file': pidFile, program: called }) =>
      (name === undefined) !== (pidFile === undefined && called === undefined),
    'must have either a unit, or the pid-file or program of a process',
  ),
  v.check(
    ({ 'pid-file': pidFile, port, program: name }) =>
      port === undefined || (name !== undefined && pidFile === undefined),
    portNeedsProgram,
  ),
  v.check(
    ({ unit: name, restart }) => name !== undefined || restart !== undefined,
    'must have restart: the program that restarts it',
  ),
)

/** Schema of `container:`. @internal */
export const containerTargetSchema = v.pipe(
  targetWithFiles({
    runtime: v.optional(
      v.pipe(
        v.string(),
        v.check(
          client => client === 'docker' || client === 'podman' || client.startsWith('/'),
          'must be docker, podman, or the path of a program that understands their commands',
        ),
      ),
    ),
    name: v.optional(container),
    label: v.optional(label),
    exec: v.optional(commandSchema),
    signal: v.optional(signal),
    restart: v.optional(v.literal(true, 'must be true, or left out')),
  }),
  v.check(
    target => (target.name === undefined) !== (target.label === undefined),
    'must have either the name or a label of the container',
  ),
  v.check(
    ({ exec, signal: name, restart }) => [exec, name, restart].filter(way => way !== undefined).length === 1,
    'must have exactly one of: exec, signal, restart',
  ),
)
