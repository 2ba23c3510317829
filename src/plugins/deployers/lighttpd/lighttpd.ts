/** lighttpd on this machine: told by a signal where it can read its files again, else restarted. */
import { AppError } from '../../../base/errors.ts'
import { printable } from '../../../base/printable.ts'
import type { Deployer } from '../../../contracts/deployer.ts'
import type { ServerOptions } from '../../../contracts/server-target.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import { firstUnreadable } from '../server/may-read.ts'
import { type CertificatePlace, filesOf } from '../server/place.ts'
import { isProgram, lookForProcess, type ProcessState } from '../server/process.ts'
import { readText } from '../server/read-text.ts'
import { lastWords, runOrFail, runProgram } from '../server/run-program.ts'
import { createServerDeployer, type ServerRuntime, type ServerView } from '../server/server.ts'
import { tellService } from '../server/service.ts'
import { signalServer } from '../server/signal.ts'
import { type Block, lighttpdPlaces, parsePrinted } from './places.ts'

type LighttpdRuntime = ServerRuntime & Pick<Runtime, 'sendSignal'>
type Situation = {
  readonly options: ServerOptions
  readonly runtime: LighttpdRuntime
  readonly signal: AbortSignal
}

const usualConfig = '/etc/lighttpd/lighttpd.conf'

/** A deployer for one lighttpd. It reads files as root when it starts, and as its own user when it is reloaded. */
export function createLighttpdDeployer(options: ServerOptions, runtime: LighttpdRuntime): Deployer {
  return createServerDeployer(
    {
      name: 'lighttpd',
      look: ({ signal }) => look({ options, runtime, signal }),
      activate: ({ signal }) => activate({ options, runtime, signal }),
    },
    options,
    runtime,
  )
}

async function look(situation: Situation): Promise<ServerView> {
  const { blocks, places } = await find(situation)
  const rejected = await refusal('ERR_DEPLOY_BROKEN_BEFORE', situation)
  if (situation.options.reload !== undefined) return { places, rejected } // it may run where its process cannot be seen
  const process = await processOf(blocks, situation)
  return { places, rejected, stopped: process.running ? undefined : notRunning(process) }
}

async function activate(situation: Situation): Promise<void> {
  const { options, runtime, signal } = situation
  const { blocks, places } = await find(situation)
  const refused = await refusal('ERR_DEPLOY', situation)
  if (refused !== undefined) throw refused // it would end at a reload
  const [program, ...args] = options.reload ?? []
  if (program !== undefined) return void (await runOrFail(program, args, runtime, { signal }))
  const process = await processOf(blocks, situation)
  if (!process.running) throw notRunning(process)
  if (await canReload(process.pid, places, situation))
    signalServer({ name: 'lighttpd', pid: process.pid }, 'USR1', runtime)
  else await tellService({ action: 'restart', names: ['lighttpd'] }, runtime, { signal })
}

async function find({
  options: { program = 'lighttpd', config = usualConfig },
  runtime,
  signal,
}: Situation): Promise<{
  readonly blocks: readonly Block[]
  readonly places: readonly CertificatePlace[]
}> {
  const printed = await runProgram(program, ['-p', '-f', config], runtime, { signal })
  if (printed.exitCode !== 0)
    throw new AppError(
      'ERR_DEPLOY_BROKEN_BEFORE',
      `lighttpd does not accept its configuration: ${lastWords(printed)}`,
      { hint: `repair it, and see what "lighttpd -p -f ${printable(config)}" says` },
    )
  const blocks = parsePrinted(printed.stdout)
  return { blocks, places: lighttpdPlaces(blocks, config) }
}

/** What it says when it loads everything without serving it; it finds keys that do not belong to their certificates. */
async function refusal(
  code: 'ERR_DEPLOY' | 'ERR_DEPLOY_BROKEN_BEFORE',
  { options: { program = 'lighttpd', config = usualConfig }, runtime, signal }: Situation,
): Promise<AppError | undefined> {
  const test = await runProgram(program, ['-tt', '-f', config], runtime, { signal })
  if (test.exitCode === 0) return undefined
  return new AppError(code, `lighttpd does not accept its configuration: ${lastWords(test)}`, {
    hint: `repair it, and see what "lighttpd -tt -f ${printable(config)}" says; it goes on with what it has loaded`,
  })
}

/**
 * With the signal, the process reads everything anew as the user that it is now, and ends where it cannot: so it must have been
 * started with an absolute path, and be allowed to read all files itself.
 */
async function canReload(
  pid: number,
  places: readonly CertificatePlace[],
  { runtime }: Situation,
): Promise<boolean> {
  const args = (await readText(`/proc/${pid}/cmdline`, runtime))?.split('\0') ?? []
  const config = args[args.indexOf('-f') + 1]
  if (!args.includes('-f') || config?.startsWith('/') !== true) return false
  return (await firstUnreadable(pid, [config, ...filesOf(places)], runtime)) === undefined
}

function processOf([top]: readonly Block[], { runtime, signal }: Situation): Promise<ProcessState> {
  const pidFile = top?.settings.get('server.pid-file') ?? '/run/lighttpd.pid'
  return lookForProcess(pidFile, runtime, { isIt: isProgram('lighttpd'), signal })
}

function notRunning({ text }: Extract<ProcessState, { readonly running: false }>): AppError {
  return new AppError('ERR_DEPLOY', `lighttpd is not running: ${text}`, {
    hint: 'start it, for example: systemctl start lighttpd',
  })
}
