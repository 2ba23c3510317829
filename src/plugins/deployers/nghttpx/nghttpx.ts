/** nghttpx on this machine. */
import { AppError } from '../../../base/errors.ts'
import { printable } from '../../../base/printable.ts'
import type { Deployer } from '../../../contracts/deployer.ts'
import type { ServerOptions } from '../../../contracts/server-target.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import { badPair } from '../server/bad-pair.ts'
import { isProgram, lookForProcess } from '../server/process.ts'
import { readText } from '../server/read-text.ts'
import { runOrFail } from '../server/run-program.ts'
import { createServerDeployer, type ServerRuntime, type ServerView } from '../server/server.ts'
import { tellService } from '../server/service.ts'
import { signalServer } from '../server/signal.ts'
import { lastValue, nghttpxPlaces, type Parsed, parseOptions } from './configuration.ts'

type NghttpxRuntime = ServerRuntime & Pick<Runtime, 'sendSignal'>
type Situation = {
  readonly options: ServerOptions
  readonly runtime: NghttpxRuntime
  readonly signal: AbortSignal
}

const usualConfig = '/etc/nghttpx/nghttpx.conf'
/** Files that include one another in a circle are not followed for ever. */
const maxFiles = 100

/** A deployer for one nghttpx. Its main process reads files as root. */
export function createNghttpxDeployer(options: ServerOptions, runtime: NghttpxRuntime): Deployer {
  return createServerDeployer(
    {
      name: 'nghttpx',
      look: ({ signal }) => look({ options, runtime, signal }),
      activate: ({ signal }) => activate({ options, runtime, signal }),
    },
    options,
    runtime,
  )
}

async function look(situation: Situation): Promise<ServerView> {
  const parsed = await readAll(situation)
  return {
    places: nghttpxPlaces(parsed.options),
    rejected: await whyRefused('ERR_DEPLOY_BROKEN_BEFORE', parsed, situation),
    stopped: await whyStopped(parsed, situation),
  }
}

async function activate(situation: Situation): Promise<void> {
  const { options, runtime, signal } = situation
  const parsed = await readAll(situation)
  const refused = await whyRefused('ERR_DEPLOY', parsed, situation)
  if (refused !== undefined) throw refused
  const [program, ...args] = options.reload ?? []
  if (program !== undefined) return void (await runOrFail(program, args, runtime, { signal }))
  const process = await findProcess(parsed, situation)
  if (lastValue(parsed.options, 'single-process') === 'yes')
    return await tellService({ action: 'restart', names: ['nghttpx'] }, runtime, { signal }) // signals do nothing
  if (process === undefined)
    return await tellService({ action: 'reload', names: ['nghttpx'] }, runtime, { signal })
  if (!process.running) throw notRunning(process.text)
  signalServer({ name: 'nghttpx', pid: process.pid }, 'HUP', runtime)
}

async function readAll({ options: { config = usualConfig }, runtime }: Situation): Promise<Parsed> {
  const waiting = [config]
  const options: Parsed['options'][number][] = []
  let mistake: string | undefined
  for (let count = 0; count < maxFiles; count += 1) {
    const path = waiting.shift()
    if (path === undefined) break
    const text = await readText(path, runtime)
    if (text === undefined)
      throw new AppError('ERR_DEPLOY_BROKEN_BEFORE', `there is no ${printable(path)}`, {
        hint: 'say where the configuration of nghttpx is with config: FILE',
      })
    const parsed = parseOptions(text, path)
    options.push(...parsed.options)
    mistake ??= parsed.mistake
    waiting.push(...parsed.options.filter(({ key }) => key === 'include').map(({ value }) => value))
  }
  return { options, ...(mistake !== undefined && { mistake }) }
}

/** It has no test of its own, and ends when it is reloaded with a key that does not belong to its certificate. */
async function whyRefused(
  code: 'ERR_DEPLOY' | 'ERR_DEPLOY_BROKEN_BEFORE',
  { options, mistake }: Parsed,
  { runtime }: Situation,
): Promise<AppError | undefined> {
  if (mistake !== undefined)
    return new AppError(code, `nghttpx would not accept its configuration: ${printable(mistake)}`, {
      hint: 'repair it; a process that runs goes on with what it has loaded',
    })
  return await badPair(code, nghttpxPlaces(options), { server: 'nghttpx', effect: 'would end' }, runtime)
}

async function whyStopped(parsed: Parsed, situation: Situation): Promise<AppError | undefined> {
  if (situation.options.reload !== undefined) return undefined // it may run where its process cannot be seen
  const process = await findProcess(parsed, situation)
  return process === undefined || process.running ? undefined : notRunning(process.text)
}

/** Nothing where no pid file is named. */
async function findProcess({ options }: Parsed, { runtime, signal }: Situation) {
  const pidFile = lastValue(options, 'pid-file')
  if (pidFile === undefined) return undefined
  return await lookForProcess(pidFile, runtime, { isIt: isProgram('nghttpx'), signal })
}

function notRunning(text: string): AppError {
  return new AppError('ERR_DEPLOY', `nghttpx is not running: ${text}`, {
    hint: 'start it, for example: systemctl start nghttpx',
  })
}
