/** HAProxy on this machine: told by a reload, or over its socket. */
import { AppError, isAppError } from '../../../base/errors.ts'
import { printable } from '../../../base/printable.ts'
import type { Deployer } from '../../../contracts/deployer.ts'
import type { HaproxyOptions } from '../../../contracts/server-target.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import { isProgram, lookForProcess, type ProcessState } from '../server/process.ts'
import { readText } from '../server/read-text.ts'
import { lastWords, runOrFail, runProgram } from '../server/run-program.ts'
import { createServerDeployer, type ServerRuntime, type ServerView } from '../server/server.ts'
import { tellService } from '../server/service.ts'
import { signalServer } from '../server/signal.ts'
import { type Configuration, type ConfigurationFile, parseConfiguration } from './configuration.ts'
import { haproxyPlaces } from './places.ts'
import { loadedFiles, updateLoaded } from './runtime-api.ts'

type HaproxyRuntime = ServerRuntime & Pick<Runtime, 'askSocket' | 'sendSignal'>

type Situation = {
  readonly options: HaproxyOptions
  readonly runtime: HaproxyRuntime
  readonly signal: AbortSignal
}

/** An HAProxy as it is configured, and as it runs. */
type Instance = {
  readonly configuration: Configuration
  /** `-f FILE` for each of them. */
  readonly where: readonly string[]
  readonly process: ProcessState
  /** Its command line. */
  readonly args: readonly string[]
}

const usualConfig = '/etc/haproxy/haproxy.cfg'
const usualPidFile = '/run/haproxy.pid'

/** A deployer for one HAProxy. It reads files as root, before it changes its root directory. */
export function createHaproxyDeployer(options: HaproxyOptions, runtime: HaproxyRuntime): Deployer {
  return createServerDeployer(
    {
      name: 'haproxy',
      look: ({ signal }) => look({ options, runtime, signal }),
      activate: ({ signal }) => activate({ options, runtime, signal }),
    },
    options,
    runtime,
  )
}

async function look(situation: Situation): Promise<ServerView> {
  const { options, runtime } = situation
  const instance = await findInstance(situation)
  const places = await haproxyPlaces(instance.configuration, options['certificate-file'], runtime)
  const rejected = await refusal('ERR_DEPLOY_BROKEN_BEFORE', instance, situation)
  return { places, rejected, stopped: await whyStopped(instance, situation) }
}

async function activate(situation: Situation): Promise<void> {
  const { options, runtime, signal } = situation
  const instance = await findInstance(situation)
  const { configuration, process, args } = instance
  const rejected = await refusal('ERR_DEPLOY', instance, situation)
  if (rejected !== undefined) throw rejected
  const [program, ...rest] = options.reload ?? []
  const master = args[args.indexOf('-S') + 1]?.replace(/,.*$/, '')
  if (program !== undefined) await runOrFail(program, rest, runtime, { signal })
  else if (options.socket !== undefined)
    await updateLoaded(await haproxyPlaces(configuration, options['certificate-file'], runtime), {
      path: options.socket,
      runtime,
      signal,
    })
  else if (args.includes('-S') && master?.startsWith('/')) await reloadByMaster(master, situation)
  else if (process.running && (configuration.hasMaster || args.some(arg => /^-Ws?$/.test(arg))))
    signalServer({ name: 'HAProxy', pid: process.pid }, 'USR2', runtime)
  // The signal would end a process that is no master.
  else await tellService({ action: 'reload', names: ['haproxy'] }, runtime, { signal })
}

/** From version 2.7, the answer comes when the reload is done, and says whether it was. */
async function reloadByMaster(path: string, { runtime, signal }: Situation): Promise<void> {
  const said = await runtime.askSocket(path, 'reload\n', { signal })
  if (!/^Success=0/m.test(said)) return
  throw new AppError('ERR_DEPLOY', `HAProxy did not reload: ${printable(said.trim().slice(-400))}`, {
    hint: 'it goes on with what it has loaded; see its log',
  })
}

/** What HAProxy says against its configuration. */
async function refusal(
  code: 'ERR_DEPLOY' | 'ERR_DEPLOY_BROKEN_BEFORE',
  { where }: Instance,
  { options: { program = 'haproxy' }, runtime, signal }: Situation,
): Promise<AppError | undefined> {
  const result = await runProgram(program, ['-c', ...where], runtime, { signal })
  if (result.exitCode === 0) return undefined
  return new AppError(code, `HAProxy does not accept its configuration: ${lastWords(result)}`, {
    hint: `repair it, and see what "haproxy -c ${where.join(' ')}" says; a process that runs goes on with what it has loaded`,
  })
}

async function whyStopped({ process }: Instance, situation: Situation): Promise<AppError | undefined> {
  const { options, runtime, signal } = situation
  if (options.reload !== undefined) return undefined // it may run where its process cannot be seen
  if (options.socket !== undefined) {
    try {
      await loadedFiles({ path: options.socket, runtime, signal })
      return undefined
    } catch (error) {
      if (isAppError(error, 'ERR_DEPLOY')) return error
      throw error
    }
  }
  if (process.running) return undefined
  return new AppError('ERR_DEPLOY', `HAProxy is not running: ${process.text}`, {
    hint: 'start it, for example: systemctl start haproxy',
  })
}

/** The files are those of the configuration of Certwright, else those of the process that runs, else the usual one. */
async function findInstance(situation: Situation): Promise<Instance> {
  const { options, runtime } = situation
  const usual = await running(usualPidFile, situation)
  const known = valuesOf('-f', usual.args).filter(path => path.startsWith('/'))
  const paths = options.config !== undefined ? [options.config] : known.length > 0 ? known : [usualConfig]
  const files: ConfigurationFile[] = []
  for (const path of paths) files.push(...(await filesAt(path, runtime)))
  const configuration = parseConfiguration(files)
  const { pidFile } = configuration
  const own = pidFile === undefined || pidFile === usualPidFile ? usual : await running(pidFile, situation)
  return { configuration, where: paths.flatMap(path => ['-f', path]), ...own }
}

async function running(
  pidFile: string,
  { runtime, signal }: Situation,
): Promise<Pick<Instance, 'process' | 'args'>> {
  const process = await lookForProcess(pidFile, runtime, { isIt: isProgram('haproxy'), signal })
  const title = process.running ? await readText(`/proc/${process.pid}/cmdline`, runtime) : undefined
  return { process, args: title?.split('\0') ?? [] }
}

/** After `--`, everything is a file. */
function valuesOf(option: string, args: readonly string[]): readonly string[] {
  const end = args.indexOf('--')
  const named = args.flatMap((arg, index) => (arg === option ? (args[index + 1] ?? []) : []))
  return end < 0 ? named : [...named, ...args.slice(end + 1).filter(arg => arg !== '')]
}

/** A file, or the `*.cfg` of a directory in the order of their names. */
async function filesAt(path: string, runtime: ServerRuntime): Promise<readonly ConfigurationFile[]> {
  const isDirectory = (await runtime.files.facts(path))?.kind === 'directory'
  const names = isDirectory ? (await runtime.files.list(path)).filter(name => /^[^.].*\.cfg$/.test(name)) : []
  const paths = isDirectory ? names.map(name => `${path}/${name}`) : [path]
  const files: ConfigurationFile[] = []
  for (const one of paths) files.push({ path: one, text: (await readText(one, runtime)) ?? '' })
  return files
}
