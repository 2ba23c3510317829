/** Exim on this machine. */
import { AppError } from '../../../base/errors.ts'
import { printable } from '../../../base/printable.ts'
import type { Deployer } from '../../../contracts/deployer.ts'
import type { ServerOptions } from '../../../contracts/server-target.ts'
import { firstUnreadable } from '../server/may-read.ts'
import { type CertificatePlace, filesOf } from '../server/place.ts'
import { isProgram, lookForProcess, type ProcessState } from '../server/process.ts'
import { lastWords, runOrFail, runProgram } from '../server/run-program.ts'
import { createServerDeployer, type Server, type ServerRuntime, type ServerView } from '../server/server.ts'
import { type EximOptions, eximPlaces, isExpanded, parseOptions } from './options.ts'

type Situation = {
  readonly options: ServerOptions
  readonly runtime: ServerRuntime
  readonly signal: AbortSignal
}

/** Debian calls it by the first of these names. */
const usualPrograms = ['/usr/sbin/exim4', '/usr/sbin/exim', '/usr/local/sbin/exim', '/usr/exim/bin/exim']
/** Every option that tells something of certificates, addresses or the process, and is known to all versions. */
const asked = [
  ...['tls_certificate', 'tls_privatekey', 'tls_advertise_hosts', 'tls_on_connect_ports'],
  ...['daemon_smtp_ports', 'local_interfaces', 'disable_ipv6', 'pid_file_path'],
]
const readable = 0o640

/** A deployer for one Exim. It reads files as its own user, which cannot look into `live/`, and so it is given copies. */
export function createEximDeployer(options: ServerOptions, runtime: ServerRuntime): Deployer {
  const server: Server = {
    name: 'exim',
    fresh: { owner: 'root', group: 'Debian-exim', keyMode: readable },
    look: ({ signal }) => look({ options, runtime, signal }),
    activate: ({ signal }) => activate({ options, runtime, signal }),
  }
  return createServerDeployer(server, options, runtime)
}

async function look(situation: Situation): Promise<ServerView> {
  const settings = await readOptions(situation)
  const places = placesOf(settings, situation)
  const state = situation.options.reload === undefined ? await processOf(settings, situation) : undefined
  if (state?.running !== false) return { places }
  const hint = 'start it, for example: systemctl start exim4'
  return { places, stopped: new AppError('ERR_DEPLOY', `Exim is not running: ${state.text}`, { hint }) }
}

async function readOptions(situation: Situation): Promise<EximOptions> {
  const { options, runtime, signal } = situation
  const program = await findProgram(situation)
  const where = options.config === undefined ? [] : ['-C', options.config]
  const result = await runProgram(program, [...where, '-bP', ...asked], runtime, { signal })
  if (result.exitCode === 0) return parseOptions(result.stdout)
  throw new AppError(
    'ERR_DEPLOY_BROKEN_BEFORE',
    `Exim does not accept its present configuration: ${lastWords(result)}`,
    { hint: `repair it, and see what "${printable([program, ...where, '-bV'].join(' '))}" says` },
  )
}

async function findProgram({ options, runtime }: Situation): Promise<string> {
  if (options.program !== undefined) return options.program
  for (const path of usualPrograms) if ((await runtime.files.facts(path)) !== undefined) return path
  throw new AppError('ERR_DEPLOY_BROKEN_BEFORE', `Exim is at none of ${usualPrograms.join(', ')}`, {
    hint: 'say where it is with program: PATH',
  })
}

function placesOf(settings: EximOptions, { options }: Situation): readonly CertificatePlace[] {
  const named = options['certificate-file']
  for (const name of ['tls_certificate', 'tls_privatekey']) {
    const value = settings.get(name) ?? ''
    if (!isExpanded(value) || (name === 'tls_certificate' && named !== undefined)) continue
    throw new AppError(
      'ERR_DEPLOY_UNUSED',
      `${name} of Exim is made anew for each connection, and so names no file: ${printable(value)}`,
      {
        hint:
          name === 'tls_certificate'
            ? 'say which file it is with certificate-file: PATH'
            : 'write the files with a target files, and name endpoints: [HOST:PORT] there',
      },
    )
  }
  return eximPlaces(settings, named)
}

async function processOf(
  settings: EximOptions,
  { runtime, signal }: Situation,
): Promise<ProcessState | undefined> {
  const pidFile = settings.get('pid_file_path') ?? ''
  if (!pidFile.startsWith('/')) return undefined
  const isIt = (title: string) => isProgram('exim4')(title) || isProgram('exim')(title)
  return await lookForProcess(pidFile, runtime, { isIt, signal })
}

/** It sees by itself that the files are others, or reads them for every connection; if it may. */
async function activate(situation: Situation): Promise<void> {
  const { options, runtime, signal } = situation
  const [program, ...args] = options.reload ?? []
  if (program !== undefined) {
    await runOrFail(program, args, runtime, { signal })
    return
  }
  const settings = await readOptions(situation)
  const state = await processOf(settings, situation)
  if (state?.running !== true) return
  const path = await firstUnreadable(state.pid, filesOf(placesOf(settings, situation)), runtime)
  if (path === undefined) return
  throw new AppError('ERR_DEPLOY', `Exim may not read ${printable(path)}, and would serve no TLS`, {
    hint: 'give it to the group of Exim: { exim: { group: Debian-exim, mode: "0640" } }, and let it search the directories above',
  })
}
