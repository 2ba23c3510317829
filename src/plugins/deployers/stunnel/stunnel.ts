/** stunnel on this machine: each of its configuration files is a process of its own. */
import { AppError } from '../../../base/errors.ts'
import { printable } from '../../../base/printable.ts'
import type { Deployer } from '../../../contracts/deployer.ts'
import type { ServerOptions } from '../../../contracts/server-target.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import { badPair } from '../server/bad-pair.ts'
import { firstUnreadable } from '../server/may-read.ts'
import { type CertificatePlace, filesOf } from '../server/place.ts'
import { isProgram, lookForProcess, type ProcessState } from '../server/process.ts'
import { readText } from '../server/read-text.ts'
import { runOrFail } from '../server/run-program.ts'
import { createServerDeployer, type ServerRuntime, type ServerView } from '../server/server.ts'
import { tellService } from '../server/service.ts'
import { signalServer } from '../server/signal.ts'
import { type Parsed, parseConfiguration, stunnelPlaces } from './configuration.ts'

type StunnelRuntime = ServerRuntime & Pick<Runtime, 'sendSignal'>
type Situation = {
  readonly options: ServerOptions
  readonly runtime: StunnelRuntime
  readonly signal: AbortSignal
}

/** A configuration file with certificates, and the process that goes with it. */
type Instance = {
  readonly config: string
  readonly parsed: Parsed
  readonly places: readonly CertificatePlace[]
  readonly process: ProcessState
}

const usualDirectory = '/etc/stunnel'

/** A deployer for the stunnel of this machine. It reads files as root when it starts, and as its own user at a reload. */
export function createStunnelDeployer(options: ServerOptions, runtime: StunnelRuntime): Deployer {
  return createServerDeployer(
    {
      name: 'stunnel',
      look: ({ signal }) => look({ options, runtime, signal }),
      activate: ({ signal }) => activate({ options, runtime, signal }),
    },
    options,
    runtime,
  )
}

async function look(situation: Situation): Promise<ServerView> {
  const instances = await findInstances(situation)
  const silent = instances.flatMap(({ places }) => places).filter(({ endpoints }) => endpoints.length === 0)
  return {
    places: instances.flatMap(({ places }) => places),
    rejected: await whyRefused('ERR_DEPLOY_BROKEN_BEFORE', instances, situation),
    stopped: whyStopped(instances, situation),
    notes: silent.map(
      ({ source }) => `${source} cannot be asked for its certificate: it speaks in a way that is not known`,
    ),
  }
}

async function activate(situation: Situation): Promise<void> {
  const { options, runtime, signal } = situation
  const instances = await findInstances(situation)
  const refused = await whyRefused('ERR_DEPLOY', instances, situation)
  if (refused !== undefined) throw refused
  const [program, ...args] = options.reload ?? []
  if (program !== undefined) return void (await runOrFail(program, args, runtime, { signal }))
  const stopped = whyStopped(instances, situation)
  if (stopped !== undefined) throw stopped
  let mustRestart = false
  for (const { process, parsed, places, config } of instances) {
    if (!process.running) continue
    const inJail = parsed.sections[0]?.options.has('chroot') === true
    if (inJail || (await firstUnreadable(process.pid, [config, ...filesOf(places)], runtime)) !== undefined)
      mustRestart = true
    else signalServer({ name: 'stunnel', pid: process.pid }, 'HUP', runtime)
  }
  if (mustRestart)
    await tellService({ action: 'restart', names: ['stunnel4', 'stunnel'] }, runtime, { signal })
}

async function findInstances(situation: Situation): Promise<readonly Instance[]> {
  const { options, runtime, signal } = situation
  const names = options.config === undefined ? await runtime.files.list(usualDirectory) : []
  const usual = names.filter(name => name.endsWith('.conf')).map(name => `${usualDirectory}/${name}`)
  const configs = options.config === undefined ? usual : [options.config]
  if (configs.length === 0)
    throw new AppError(
      'ERR_DEPLOY_BROKEN_BEFORE',
      `there is no configuration of stunnel in ${usualDirectory}`,
      {
        hint: 'say where it is with config: FILE',
      },
    )
  const instances: Instance[] = []
  for (const config of configs) {
    const parsed = await readConfiguration(config, runtime)
    const places = stunnelPlaces(parsed)
    if (places.length === 0 && parsed.mistake === undefined) continue
    const pidFile = parsed.sections[0]?.options.get('pid')
    const process: ProcessState =
      pidFile === undefined || pidFile === ''
        ? { running: false, text: `${printable(config)} names no pid file` }
        : await lookForProcess(pidFile, runtime, { isIt, signal })
    instances.push({ config, parsed, places, process })
  }
  return instances
}

async function readConfiguration(config: string, runtime: StunnelRuntime): Promise<Parsed> {
  const text = await readText(config, runtime)
  if (text === undefined)
    throw new AppError('ERR_DEPLOY_BROKEN_BEFORE', `there is no ${printable(config)}`, {
      hint: 'say where the configuration is with config: FILE',
    })
  const files = [{ path: config, text }]
  for (const directory of parseConfiguration(files).includes) {
    for (const name of await runtime.files.list(directory)) {
      const path = `${directory}/${name}`
      files.push({ path, text: (await readText(path, runtime)) ?? '' })
    }
  }
  return parseConfiguration(files)
}

/** It has no test of its own. With a mistake it goes on with what it has loaded, and says so in its log alone. */
async function whyRefused(
  code: 'ERR_DEPLOY' | 'ERR_DEPLOY_BROKEN_BEFORE',
  instances: readonly Instance[],
  { runtime }: Situation,
): Promise<AppError | undefined> {
  const mistake = instances.find(({ parsed }) => parsed.mistake !== undefined)?.parsed.mistake
  if (mistake !== undefined)
    return new AppError(code, `stunnel would not accept its configuration: ${printable(mistake)}`, {
      hint: 'repair it; a process that runs goes on with what it has loaded',
    })
  const reader = { server: 'stunnel', effect: 'would keep what it has loaded' }
  return await badPair(
    code,
    instances.flatMap(({ places }) => places),
    reader,
    runtime,
  )
}

function whyStopped(instances: readonly Instance[], { options }: Situation): AppError | undefined {
  if (options.reload !== undefined) return undefined // it may run where its process cannot be seen
  const texts = instances.flatMap(({ process }) => (process.running ? [] : [process.text]))
  if (texts.length === 0 || texts.length < instances.length) return undefined
  return new AppError('ERR_DEPLOY', `stunnel is not running: ${texts.join('; ')}`, {
    hint: 'start it, for example: systemctl start stunnel4; without pid = FILE in its configuration, tell how with reload: [systemctl, reload, UNIT]',
  })
}

function isIt(title: string): boolean {
  return isProgram('stunnel')(title) || isProgram('stunnel4')(title)
}
