/** CUPS on this machine: each connection is served with the files as they are then. */
import { AppError } from '../../../base/errors.ts'
import { printable } from '../../../base/printable.ts'
import type { Deployer } from '../../../contracts/deployer.ts'
import type { ServerOptions } from '../../../contracts/server-target.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import { readText } from '../server/read-text.ts'
import { lastWords, runOrFail, runProgram } from '../server/run-program.ts'
import { createServerDeployer, type ServerRuntime, type ServerView } from '../server/server.ts'
import { cupsPlaces, parseDirectives } from './configuration.ts'

type CupsRuntime = ServerRuntime & Pick<Runtime, 'hostName'>
type Situation = {
  readonly options: ServerOptions
  readonly runtime: CupsRuntime
  readonly signal: AbortSignal
}

const usualConfig = '/etc/cups/cupsd.conf'

/** A deployer for the CUPS of this machine. It reads files as root. */
export function createCupsDeployer(options: ServerOptions, runtime: CupsRuntime): Deployer {
  return createServerDeployer(
    {
      name: 'cups',
      look: ({ signal }) => look({ options, runtime, signal }),
      activate: ({ signal }) => activate({ options, runtime, signal }),
    },
    options,
    runtime,
  )
}

/** Whether it runs is not looked at: it is started when somebody wants to print. */
async function look(situation: Situation): Promise<ServerView> {
  const { options, runtime } = situation
  const { config, filesConfig, directory } = where(options)
  const settings = await readText(config, runtime)
  if (settings === undefined)
    throw new AppError('ERR_DEPLOY_BROKEN_BEFORE', `there is no ${printable(config)}`, {
      hint: 'say where the configuration of CUPS is with config: FILE',
    })
  const files = (await readText(filesConfig, runtime)) ?? ''
  await test(situation)
  const configuration = { settings: parseDirectives(settings), files: parseDirectives(files), directory }
  const wanted = options['certificate-file']
  return { places: cupsPlaces(configuration, { hostName: runtime.hostName(), wanted }) }
}

/** Nothing has to be told: what lies there is what the next connection gets. */
async function activate(situation: Situation): Promise<void> {
  const { options, runtime, signal } = situation
  const [program, ...args] = options.reload ?? []
  if (program !== undefined) await runOrFail(program, args, runtime, { signal })
}

function where({ config = usualConfig }: ServerOptions) {
  const directory = config.slice(0, config.lastIndexOf('/'))
  return { config, directory, filesConfig: `${directory}/cups-files.conf` }
}

async function test({ options, runtime, signal }: Situation): Promise<void> {
  const { config, filesConfig } = where(options)
  const program = options.program ?? 'cupsd'
  const result = await runProgram(program, ['-t', '-c', config, '-s', filesConfig], runtime, { signal })
  if (result.exitCode === 0) return
  throw new AppError(
    'ERR_DEPLOY_BROKEN_BEFORE',
    `CUPS does not accept its configuration: ${lastWords(result)}`,
    {
      hint: `repair it, and see what "cupsd -t -c ${printable(config)}" says`,
    },
  )
}
