/** Dovecot on this machine: IMAP, POP3, ManageSieve, LMTP and submission. */
import { AppError } from '../../../base/errors.ts'
import type { Deployer } from '../../../contracts/deployer.ts'
import type { ServerOptions } from '../../../contracts/server-target.ts'
import { isProgram, lookForProcess } from '../server/process.ts'
import { lastWords, runOrFail, runProgram } from '../server/run-program.ts'
import { createServerDeployer, type Server, type ServerRuntime, type ServerView } from '../server/server.ts'
import { parseDoveconf, type Settings } from './doveconf.ts'
import { dovecotPlaces } from './places.ts'

type Situation = {
  readonly options: ServerOptions
  readonly runtime: ServerRuntime
  readonly signal: AbortSignal
}

/** A deployer for one Dovecot. It reads files as root, so `live/<name>` can be named in its configuration. */
export function createDovecotDeployer(options: ServerOptions, runtime: ServerRuntime): Deployer {
  const server: Server = {
    name: 'dovecot',
    look: ({ signal }) => look({ options, runtime, signal }),
    activate: ({ signal }) => activate({ options, runtime, signal }),
  }
  return createServerDeployer(server, options, runtime)
}

function where({ config }: ServerOptions): readonly string[] {
  return config === undefined ? [] : ['-c', config]
}

async function look(situation: Situation): Promise<ServerView> {
  const { options, runtime, signal } = situation
  // `-P` because the paths of keys are hidden otherwise; without `-x`, what the files hold is not printed.
  const all = await runProgram('doveconf', [...where(options), '-P'], runtime, { signal })
  if (all.exitCode !== 0)
    throw new AppError(
      'ERR_DEPLOY_BROKEN_BEFORE',
      `Dovecot does not accept its present configuration: ${lastWords(all)}`,
      { hint: 'repair it, and see what "doveconf -n" says' },
    )
  const settings = parseDoveconf(all.stdout)
  return { places: dovecotPlaces(settings), stopped: await whyStopped(settings, situation) }
}

async function whyStopped(
  { values }: Settings,
  { options, runtime, signal }: Situation,
): Promise<AppError | undefined> {
  if (options.reload !== undefined) return undefined // it may run where its process cannot be seen
  const pidFile = `${values.get('base_dir') ?? '/var/run/dovecot'}/master.pid`
  const state = await lookForProcess(pidFile, runtime, { isIt: isProgram('dovecot'), signal })
  if (state.running) return undefined
  return new AppError('ERR_DEPLOY', `Dovecot is not running: ${state.text}`, {
    hint: 'start it, for example: systemctl start dovecot',
  })
}

async function activate({ options, runtime, signal }: Situation): Promise<void> {
  const [program, ...args] = options.reload ?? ['doveadm', ...where(options), 'reload']
  if (program !== undefined) await runOrFail(program, args, runtime, { signal })
}
