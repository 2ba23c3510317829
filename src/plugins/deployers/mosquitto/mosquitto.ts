/** Mosquitto on this machine. */
import { AppError } from '../../../base/errors.ts'
import { printable } from '../../../base/printable.ts'
import type { Deployer } from '../../../contracts/deployer.ts'
import type { ServerOptions } from '../../../contracts/server-target.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import { isProgram, lookForProcess, type ProcessState } from '../server/process.ts'
import { readText } from '../server/read-text.ts'
import { lastWords, runOrFail, runProgram } from '../server/run-program.ts'
import { createServerDeployer, type Server, type ServerRuntime, type ServerView } from '../server/server.ts'
import { tellService } from '../server/service.ts'
import { signalServer } from '../server/signal.ts'
import { type ConfigLine, mosquittoPlaces, parseLines } from './listeners.ts'

type MosquittoRuntime = ServerRuntime & Pick<Runtime, 'sendSignal'>
type Situation = {
  readonly options: ServerOptions
  readonly runtime: MosquittoRuntime
  readonly signal: AbortSignal
}

const usualConfig = '/etc/mosquitto/mosquitto.conf'
/** An argument that versions before 2.1 do not know: they read the file that comes before it, complain about that, and end. */
const testArgument = '--test-config'
/** As deep as directories are followed that include directories. */
const maxDepth = 10

/** A deployer for one Mosquitto. Its user cannot look into `live/`, and so it is given copies. */
export function createMosquittoDeployer(options: ServerOptions, runtime: MosquittoRuntime): Deployer {
  const server: Server = {
    name: 'mosquitto',
    fresh: { owner: 'mosquitto', group: 'mosquitto' },
    look: ({ signal }) => look({ options, runtime, signal }),
    activate: ({ signal }) => activate({ options, runtime, signal }),
  }
  return createServerDeployer(server, options, runtime)
}

async function look(situation: Situation): Promise<ServerView> {
  await testConfig('ERR_DEPLOY_BROKEN_BEFORE', situation)
  const lines = await readLines(situation)
  const places = mosquittoPlaces(lines)
  const restart = places.some(({ isReadOnce }) => isReadOnce) && situation.options.reload === undefined
  return {
    places,
    stopped: await whyStopped(lines, situation),
    notes: restart
      ? ['it is restarted, because it reads certificates of websockets listeners only then']
      : [],
  }
}

async function testConfig(
  code: 'ERR_DEPLOY' | 'ERR_DEPLOY_BROKEN_BEFORE',
  { options, runtime, signal }: Situation,
): Promise<void> {
  const program = options.program ?? 'mosquitto'
  const args = ['-c', options.config ?? usualConfig, testArgument]
  const result = await runProgram(program, args, runtime, { signal })
  const said = lastWords(result)
  if (result.exitCode === 0 || new RegExp(`Unknown option '?${testArgument}`).test(said)) return
  throw new AppError(code, `Mosquitto does not accept its present configuration: ${said}`, {
    hint: `repair it, and see what "${printable([program, ...args].join(' '))}" says`,
  })
}

async function readLines({ options, runtime }: Situation): Promise<readonly ConfigLine[]> {
  const read = async (file: string, depth: number): Promise<readonly ConfigLine[]> => {
    const lines: ConfigLine[] = []
    for (const line of parseLines((await readText(file, runtime)) ?? '', file)) {
      if (line.name !== 'include_dir' || depth > maxDepth) lines.push(line)
      else
        for (const name of await runtime.files.list(line.value))
          if (name.endsWith('.conf')) lines.push(...(await read(`${line.value}/${name}`, depth + 1)))
    }
    return lines
  }
  return await read(options.config ?? usualConfig, 0)
}

async function whyStopped(lines: readonly ConfigLine[], situation: Situation): Promise<AppError | undefined> {
  if (situation.options.reload !== undefined) return undefined // it may run where its process cannot be seen
  const state = await processOf(lines, situation)
  if (state === undefined || state.running) return undefined
  return new AppError('ERR_DEPLOY', `Mosquitto is not running: ${state.text}`, {
    hint: 'start it, for example: systemctl start mosquitto',
  })
}

/** @returns `undefined` where no file tells its process */
async function processOf(
  lines: readonly ConfigLine[],
  { runtime, signal }: Situation,
): Promise<ProcessState | undefined> {
  const file = lines.findLast(({ name }) => name === 'pid_file')?.value
  if (file === undefined) return undefined
  return await lookForProcess(file, runtime, { isIt: isProgram('mosquitto'), signal })
}

async function activate(situation: Situation): Promise<void> {
  const { options, runtime, signal } = situation
  const [program, ...args] = options.reload ?? []
  if (program !== undefined) {
    await runOrFail(program, args, runtime, { signal })
    return
  }
  await testConfig('ERR_DEPLOY', situation) // a restart would be its end
  const lines = await readLines(situation)
  const state = await processOf(lines, situation)
  const action = mosquittoPlaces(lines).some(({ isReadOnce }) => isReadOnce) ? 'restart' : 'reload'
  if (action === 'reload' && state?.running === true)
    signalServer({ name: 'Mosquitto', pid: state.pid }, 'HUP', runtime)
  else await tellService({ action, names: ['mosquitto'] }, runtime, { signal })
}
