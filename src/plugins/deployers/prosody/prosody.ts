/** Prosody on this machine: XMPP. */
import { AppError } from '../../../base/errors.ts'
import { printable } from '../../../base/printable.ts'
import type { Deployer } from '../../../contracts/deployer.ts'
import type { ServerOptions } from '../../../contracts/server-target.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import { matchesGlob } from '../nginx/glob.ts'
import { firstUnreadable } from '../server/may-read.ts'
import { type CertificatePlace, filesOf } from '../server/place.ts'
import { isProgram, lookForProcess, type ProcessState } from '../server/process.ts'
import { readText } from '../server/read-text.ts'
import { lastWords, runOrFail, runProgram } from '../server/run-program.ts'
import { createServerDeployer, type Server, type ServerRuntime, type ServerView } from '../server/server.ts'
import { tellService } from '../server/service.ts'
import { signalServer } from '../server/signal.ts'
import { certificatesByHost, includesIn, parseSections, type Section } from './configuration.ts'
import { candidatesIn, prosodyPlaces, valuesOfAll } from './places.ts'

type ProsodyRuntime = ServerRuntime & Pick<Runtime, 'sendSignal'>
type Situation = {
  readonly options: ServerOptions
  readonly runtime: ProsodyRuntime
  readonly signal: AbortSignal
}
type Configuration = { readonly sections: readonly Section[]; readonly places: readonly CertificatePlace[] }

const usualConfig = '/etc/prosody/prosody.cfg.lua'
/** `prosodyctl check`: something is to be mended, but the configuration could be read. */
const foundProblems = 2

/** A deployer for one Prosody. Its user cannot look into `live/`, and so it is given copies. */
export function createProsodyDeployer(options: ServerOptions, runtime: ProsodyRuntime): Deployer {
  const server: Server = {
    name: 'prosody',
    fresh: { owner: 'prosody', group: 'prosody' },
    look: ({ signal }) => look({ options, runtime, signal }),
    activate: ({ signal }) => activate({ options, runtime, signal }),
  }
  return createServerDeployer(server, options, runtime)
}

async function look(situation: Situation): Promise<ServerView> {
  const { sections, places } = await readConfiguration(situation)
  if (situation.options.reload !== undefined) return { places } // it may run where its process cannot be seen
  const state = await processOf(sections, situation)
  if (state?.running !== false) return { places }
  const hint = 'start it, for example: systemctl start prosody'
  return { places, stopped: new AppError('ERR_DEPLOY', `Prosody is not running: ${state.text}`, { hint }) }
}

async function readConfiguration(situation: Situation): Promise<Configuration> {
  const { options, runtime, signal } = situation
  const config = options.config ?? usualConfig
  const program = `${options.program?.slice(0, options.program.lastIndexOf('/') + 1) ?? ''}prosodyctl`
  const args = ['--config', config, 'check', 'certs']
  const result = await runProgram(program, args, runtime, { signal })
  if (result.exitCode !== 0 && result.exitCode !== foundProblems)
    throw new AppError(
      'ERR_DEPLOY_BROKEN_BEFORE',
      `Prosody does not accept its present configuration: ${lastWords(result)}`,
      { hint: `repair it, and see what "${printable([program, ...args].join(' '))}" says` },
    )
  const directory = config.slice(0, config.lastIndexOf('/'))
  const sections = await readSections(config, directory, situation)
  const certificates = certificatesByHost(result.stdout)
  const there = new Set<string>()
  for (const path of candidatesIn(sections, directory))
    if ((await runtime.files.facts(path)) !== undefined) there.add(path)
  return { sections, places: prosodyPlaces({ sections, directory, certificates, there }) }
}

async function readSections(
  config: string,
  directory: string,
  { runtime }: Pick<Situation, 'runtime'>,
): Promise<readonly Section[]> {
  const text = (await readText(config, runtime)) ?? ''
  const sections = [...parseSections(text)]
  for (const include of includesIn(text)) {
    const pattern = include.startsWith('/') ? include : `${directory}/${include}`
    const folder = pattern.slice(0, pattern.lastIndexOf('/'))
    for (const name of await runtime.files.list(folder))
      if (matchesGlob(pattern, `${folder}/${name}`))
        sections.push(...parseSections((await readText(`${folder}/${name}`, runtime)) ?? ''))
  }
  return sections
}

async function processOf(
  sections: readonly Section[],
  { runtime, signal }: Situation,
): Promise<ProcessState | undefined> {
  const [pidFile] = valuesOfAll(sections).get('pidfile') ?? []
  if (pidFile?.startsWith('/') !== true) return undefined
  const isProsody = isProgram('prosody')
  // It is run by Lua, whose name comes first.
  const isIt = (title: string) => title.split('\0').some(isProsody)
  return await lookForProcess(pidFile, runtime, { isIt, signal })
}

/** Prosody goes on without TLS where it cannot load a certificate, so what it may not read is found out before. */
async function activate(situation: Situation): Promise<void> {
  const { options, runtime, signal } = situation
  const [program, ...args] = options.reload ?? []
  if (program !== undefined) {
    await runOrFail(program, args, runtime, { signal })
    return
  }
  const { sections, places } = await readConfiguration(situation)
  const state = await processOf(sections, situation)
  if (state?.running !== true) {
    await tellService({ action: 'reload', names: ['prosody'] }, runtime, { signal })
    return
  }
  const there: string[] = []
  for (const path of filesOf(places)) if ((await runtime.files.facts(path)) !== undefined) there.push(path)
  const path = await firstUnreadable(state.pid, there, runtime)
  if (path !== undefined)
    throw new AppError('ERR_DEPLOY', `Prosody may not read ${printable(path)}, and would offer no TLS`, {
      hint: 'give it to the user of Prosody, { prosody: { owner: prosody } }, and let that user search the directories above it',
    })
  signalServer({ name: 'Prosody', pid: state.pid }, 'HUP', runtime)
}
