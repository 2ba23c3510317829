/** From global flags to what a command works with. */
import { dirname, resolve } from 'node:path'
import { AppError } from '../base/errors.ts'
import type { ConfigPlace } from '../manage/config/place.ts'
import { nodeRuntime } from '../runtime/node/runtime.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { CommandContext, GlobalOptions } from './command.ts'
import { createProgress, type Progress } from './progress.ts'

/** Builds the context; nothing is read or written. */
export function createContext(globals: GlobalOptions, signal: AbortSignal): CommandContext {
  const runtime = nodeRuntime()
  // Node opens a standard stream at the first look at it; commands that need none should not wait for that.
  let progress: Progress | undefined
  return {
    globals,
    runtime,
    place: configPlace(globals, runtime),
    state: resolve(globals.state ?? variable(runtime, 'CERTWRIGHT_STATE') ?? defaultState(runtime)),
    // Only where it is asked for: some commands have a use for --trust of their own.
    get authority() {
      return authorityFrom(globals)
    },
    onEvent: event => {
      progress ??= createProgress(globals, process.stderr)
      progress.onEvent(event)
    },
    endProgress: () => progress?.end(),
    get interactive() {
      return globals.json !== true && process.stdin.isTTY && process.stderr.isTTY
    },
    signal,
  }
}

function configPlace({ config }: GlobalOptions, runtime: Runtime): ConfigPlace {
  const named = config ?? variable(runtime, 'CERTWRIGHT_CONFIG')
  const file = resolve(named ?? defaultConfig(runtime))
  return { file, dropIns: `${dirname(file)}/certificates.d`, mustExist: named !== undefined }
}

function defaultConfig(runtime: Runtime): string {
  return `${userDirectory(runtime, 'XDG_CONFIG_HOME', '.config') ?? '/etc/certwright'}/certwright.yaml`
}

function defaultState(runtime: Runtime): string {
  return userDirectory(runtime, 'XDG_STATE_HOME', '.local/state') ?? '/var/lib/certwright'
}

// Root uses the system's directories; everybody else has some of their own.
function userDirectory(runtime: Runtime, name: string, fallback: string): string | undefined {
  if (process.getuid?.() === 0) return undefined
  const home = variable(runtime, 'HOME')
  const base = variable(runtime, name) ?? (home === undefined ? undefined : `${home}/${fallback}`)
  if (base === undefined) {
    throw new AppError('ERR_USAGE', 'there is no home directory to keep configuration and state in', {
      hint: 'give --config FILE and --state DIR',
    })
  }
  return `${base}/certwright`
}

// An empty one counts as none, and never as the current directory.
function variable({ environment }: Runtime, name: string): string | undefined {
  const value = environment(name)
  return value === '' ? undefined : value
}

function authorityFrom({ authority, trust }: GlobalOptions): CommandContext['authority'] {
  if (authority === undefined) {
    if (trust === undefined) return undefined
    throw new AppError('ERR_USAGE', '--trust goes with --authority', {
      hint: 'certwright ... --authority URL --trust FILE',
    })
  }
  return { name: authority, ...(trust !== undefined && { trustFile: resolve(trust) }) }
}
