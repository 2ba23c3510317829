/** coturn, a TURN and STUN server, on this machine. */
import { AppError } from '../../../base/errors.ts'
import { printable } from '../../../base/printable.ts'
import type { Deployer } from '../../../contracts/deployer.ts'
import type { ServerOptions } from '../../../contracts/server-target.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import { isProgram, lookForProcess } from '../server/process.ts'
import { readText } from '../server/read-text.ts'
import { runOrFail, runProgram } from '../server/run-program.ts'
import { createServerDeployer, type Server, type ServerRuntime, type ServerView } from '../server/server.ts'
import { signalServer } from '../server/signal.ts'
import { coturnPlace, parseSettings, type Settings } from './settings.ts'

type CoturnRuntime = ServerRuntime & Pick<Runtime, 'sendSignal'>
type Situation = {
  readonly options: ServerOptions
  readonly runtime: CoturnRuntime
  readonly signal: AbortSignal
}
/** The running one: a process, or a unit of systemd, whose process is nobody's business. */
type Running =
  | { readonly kind: 'process'; readonly pid: number }
  | { readonly kind: 'unit' }
  | { readonly kind: 'none'; readonly text: string }

/** Where packages have the file. */
const usualConfigs = ['/etc/turnserver.conf', '/etc/coturn/turnserver.conf', '/usr/local/etc/turnserver.conf']
const usualPidFile = '/var/run/turnserver.pid'
const unit = 'coturn'

/** A deployer for one coturn. Its user cannot look into `live/`, and so it is given copies. */
export function createCoturnDeployer(options: ServerOptions, runtime: CoturnRuntime): Deployer {
  const server: Server = {
    name: 'coturn',
    fresh: { owner: 'turnserver', group: 'turnserver' },
    look: ({ signal }) => look({ options, runtime, signal }),
    activate: ({ signal }) => activate({ options, runtime, signal }),
  }
  return createServerDeployer(server, options, runtime)
}

async function look(situation: Situation): Promise<ServerView> {
  const { file, settings } = await readSettings(situation)
  const place = coturnPlace(settings, { source: printable(file) })
  if (place === undefined)
    throw new AppError('ERR_DEPLOY_UNUSED', 'coturn has TLS switched off', {
      hint: `set cert and pkey in ${printable(file)}, remove no-tls, and restart it once`,
    })
  const running = await findRunning(settings, situation)
  if (running.kind !== 'none' || situation.options.reload !== undefined) return { places: [place] }
  const stopped = new AppError('ERR_DEPLOY', `coturn is not running: ${running.text}`, {
    hint: `start it, for example: systemctl start ${unit}; or set pidfile in ${printable(file)}`,
  })
  return { places: [place], stopped }
}

async function readSettings({ options, runtime }: Situation): Promise<{
  readonly file: string
  readonly settings: Settings
}> {
  const files = options.config === undefined ? usualConfigs : [options.config]
  for (const file of files) {
    const text = await readText(file, runtime)
    if (text !== undefined) return { file, settings: parseSettings(text) }
  }
  throw new AppError('ERR_DEPLOY_BROKEN_BEFORE', `there is no ${printable(files.join(' and no '))}`, {
    hint: 'name the configuration file of coturn with config: PATH',
  })
}

async function findRunning(settings: Settings, { runtime, signal }: Situation): Promise<Running> {
  const pidFile = settings.get('pidfile')?.at(-1) || usualPidFile
  const state = await lookForProcess(pidFile, runtime, { isIt: isProgram('turnserver'), signal })
  if (state.running) return { kind: 'process', pid: state.pid }
  // Debian's unit has it write no pid file.
  const hasSystemd = (await runtime.files.facts('/run/systemd/system')) !== undefined
  if (!hasSystemd) return { kind: 'none', text: state.text }
  const { exitCode } = await runProgram('systemctl', ['--quiet', 'is-active', unit], runtime, { signal })
  return exitCode === 0
    ? { kind: 'unit' }
    : { kind: 'none', text: `${state.text}, and systemd runs no ${unit}` }
}

/** It reads certificate and key again after SIGUSR2, and goes on with those it has where they do not fit. */
async function activate(situation: Situation): Promise<void> {
  const { options, runtime, signal } = situation
  const [program, ...args] = options.reload ?? []
  if (program !== undefined) {
    await runOrFail(program, args, runtime, { signal })
    return
  }
  const running = await findRunning((await readSettings(situation)).settings, situation)
  if (running.kind === 'process') signalServer({ name: 'coturn', pid: running.pid }, 'USR2', runtime)
  else if (running.kind === 'unit')
    await runOrFail('systemctl', ['kill', '--signal=SIGUSR2', unit], runtime, { signal })
  else
    throw new AppError('ERR_DEPLOY', `coturn is not running: ${running.text}`, {
      hint: 'see what its log says',
    })
}
