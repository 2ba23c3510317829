/** Apache httpd on this machine. */
import { AppError, isAppError } from '../../../base/errors.ts'
import { printable } from '../../../base/printable.ts'
import type { Deployer } from '../../../contracts/deployer.ts'
import type { ServerOptions } from '../../../contracts/server-target.ts'
import type { ExecResult } from '../../../runtime/exec.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import { badPair } from '../server/bad-pair.ts'
import type { CertificatePlace } from '../server/place.ts'
import { lookForProcess, type ProcessState } from '../server/process.ts'
import { readText } from '../server/read-text.ts'
import { lastWords, runOrFail, runProgram } from '../server/run-program.ts'
import { createServerDeployer, type ServerRuntime, type ServerView } from '../server/server.ts'
import { signalServer } from '../server/signal.ts'
import { readScopes } from './directives.ts'
import { type Dump, dumpSwitches, type IncludedFile, parseDump } from './dump.ts'
import { apachePlaces } from './places.ts'

type ApacheRuntime = ServerRuntime & Pick<Runtime, 'sendSignal'>
type Situation = {
  readonly options: ServerOptions
  readonly runtime: ApacheRuntime
  readonly signal: AbortSignal
}

/** One Apache httpd, to be asked. */
export type AskedApache = {
  readonly options: Pick<ServerOptions, 'program'>
  readonly runtime: Pick<Runtime, 'exec' | 'files'>
  readonly signal: AbortSignal
}

/** Debian's wrapper knows the variables that the program needs; elsewhere the program can be asked itself. */
const programs = ['apache2ctl', 'httpd', 'apachectl']

/** A deployer for one Apache httpd. It reads files as root. */
export function createApacheDeployer(options: ServerOptions, runtime: ApacheRuntime): Deployer {
  return createServerDeployer(
    {
      name: 'apache',
      look: ({ signal }) => look({ options, runtime, signal }),
      activate: ({ signal }) => activate({ options, runtime, signal }),
    },
    options,
    runtime,
  )
}

type Found = {
  readonly dump: Dump
  readonly places: readonly CertificatePlace[]
  /** What its own test says against the configuration. */
  readonly test: ExecResult
}

async function look(situation: Situation): Promise<ServerView> {
  const { dump, places, test } = await find(situation)
  const known = new Set(places.map(({ certificateFile }) => certificateFile))
  const unknown = [...new Set(dump.certificates)].filter(file => !known.has(file))
  return {
    places,
    rejected: await whyRefused('ERR_DEPLOY_BROKEN_BEFORE', { places, test }, situation),
    stopped: await whyStopped(dump, situation),
    notes: unknown.map(
      file =>
        `Apache reads ${printable(file)}, but no virtual host was found that says so: it may be in a macro`,
    ),
  }
}

async function activate(situation: Situation): Promise<void> {
  const { options, runtime, signal } = situation
  const { dump, places, test } = await find(situation)
  const refused = await whyRefused('ERR_DEPLOY', { places, test }, situation)
  if (refused !== undefined) throw refused
  const [program, ...args] = options.reload ?? []
  if (program !== undefined) return void (await runOrFail(program, args, runtime, { signal }))
  const process = await processOf(dump, situation)
  if (!process.running) throw notRunning(process)
  signalServer({ name: 'Apache', pid: process.pid }, 'USR1', runtime) // graceful
}

async function find(situation: Situation): Promise<Found> {
  const { options, runtime } = situation
  const where = options.config === undefined ? [] : ['-f', options.config]
  const shown = await askApache([...where, '-t', ...dumpSwitches], situation)
  const test = await askApache([...where, '-t'], situation)
  const dump = parseDump(shown.stdout)
  if (shown.exitCode !== 0) throw rejection('ERR_DEPLOY_BROKEN_BEFORE', shown)
  const texts = new Map<string, string>()
  for (const path of allFiles(dump.main)) texts.set(path, (await readText(path, runtime)) ?? '')
  const places = apachePlaces(readScopes(dump, texts), { serverRoot: dump.serverRoot ?? '/' })
  return { dump, places, test }
}

/** Runs Apache's program, or Debian's wrapper, with arguments. */
export async function askApache(
  args: readonly string[],
  { options, runtime, signal }: AskedApache,
): Promise<ExecResult> {
  const [first = '', ...others] = options.program === undefined ? programs : [options.program]
  try {
    return await runProgram(first, args, runtime, { signal })
  } catch (error) {
    if (!isAppError(error, 'ERR_DEPLOY') || others.length === 0) throw error
  }
  for (const program of others) {
    const result = await runProgram(program, args, runtime, { signal }).catch(() => undefined)
    if (result !== undefined) return result
  }
  throw new AppError(
    'ERR_DEPLOY_BROKEN_BEFORE',
    `Apache cannot be asked: there is none of ${programs.join(', ')}`,
    {
      hint: 'install it, or say where it is with program: PATH',
    },
  )
}

/** Its own test does not look whether keys belong to certificates, and a reload with one that does not ends the whole server. */
async function whyRefused(
  code: 'ERR_DEPLOY' | 'ERR_DEPLOY_BROKEN_BEFORE',
  { places, test }: Omit<Found, 'dump'>,
  { runtime }: Situation,
): Promise<AppError | undefined> {
  if (test.exitCode !== 0) return rejection(code, test)
  return await badPair(code, places, { server: 'Apache', effect: 'would end' }, runtime)
}

function rejection(code: 'ERR_DEPLOY' | 'ERR_DEPLOY_BROKEN_BEFORE', test: ExecResult): AppError {
  return new AppError(code, `Apache does not accept its configuration: ${lastWords(test)}`, {
    hint: 'repair it, and see what "apachectl -t" says; the server goes on with what it has loaded until it is reloaded',
  })
}

async function whyStopped(dump: Dump, situation: Situation): Promise<AppError | undefined> {
  if (situation.options.reload !== undefined) return undefined // it may run where its process cannot be seen
  const process = await processOf(dump, situation)
  return process.running ? undefined : notRunning(process)
}

function notRunning({ text }: Extract<ProcessState, { readonly running: false }>): AppError {
  return new AppError('ERR_DEPLOY', `Apache is not running: ${text}`, {
    hint: 'start it, for example: systemctl start apache2',
  })
}

/** Whether it runs. */
export function processOf(
  { pidFile = '/run/apache2/apache2.pid' }: Dump,
  { runtime, signal }: AskedApache,
): Promise<ProcessState> {
  const isIt = (title: string) => /(^|\/)(apache2|httpd)[^/]*$/.test(title.split(/[\0 ]/)[0] ?? '')
  return lookForProcess(pidFile, runtime, { isIt, signal })
}

function allFiles(file: IncludedFile | undefined): readonly string[] {
  return file === undefined ? [] : [file.path, ...file.includes.flatMap(allFiles)]
}
