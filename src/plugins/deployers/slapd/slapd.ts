/** OpenLDAP's slapd on this machine. */
import { AppError } from '../../../base/errors.ts'
import { printable } from '../../../base/printable.ts'
import type { Deployer } from '../../../contracts/deployer.ts'
import type { SlapdOptions } from '../../../contracts/server-target.ts'
import { badPair } from '../server/bad-pair.ts'
import { firstUnreadable } from '../server/may-read.ts'
import type { CertificatePlace } from '../server/place.ts'
import { isProgram, lookForProcess, type ProcessState } from '../server/process.ts'
import { readText } from '../server/read-text.ts'
import { lastWords, runOrFail, runProgram } from '../server/run-program.ts'
import { createServerDeployer, type Server, type ServerRuntime, type ServerView } from '../server/server.ts'
import { tellService } from '../server/service.ts'
import {
  listenersOf,
  parseConfigEntry,
  parseConfigFile,
  type SlapdSettings,
  touchLdif,
} from './configuration.ts'

type Situation = {
  readonly options: SlapdOptions
  readonly runtime: ServerRuntime
  readonly signal: AbortSignal
}

/** Where the configuration is: a directory of entries that slapd itself writes, or the older file. */
type Configuration = {
  readonly path: string
  readonly isDirectory: boolean
  readonly settings: SlapdSettings
}

const usualPlaces = ['/etc/ldap', '/etc/openldap', '/usr/local/etc/openldap'].flatMap(directory => [
  `${directory}/slapd.d`,
  `${directory}/slapd.conf`,
])

/** A deployer for one slapd. Its user cannot look into `live/`, and so it is given copies. */
export function createSlapdDeployer(options: SlapdOptions, runtime: ServerRuntime): Deployer {
  const server: Server = {
    name: 'slapd',
    fresh: { owner: 'openldap', group: 'openldap' },
    look: ({ signal }) => look({ options, runtime, signal }),
    activate: ({ signal }) => activate({ options, runtime, signal }),
  }
  return createServerDeployer(server, options, runtime)
}

async function look(situation: Situation): Promise<ServerView> {
  const configuration = await readConfiguration(situation)
  const { settings, isDirectory } = configuration
  const places = await placesOf(configuration, situation)
  const isToldByItself = situation.options.reload === undefined
  const state = isToldByItself ? await processOf(settings, situation) : undefined
  if (state?.running === true && isDirectory) await requireAccess(situation)
  const stopped =
    state?.running === false
      ? new AppError('ERR_DEPLOY', `slapd is not running: ${state.text}`, {
          hint: 'start it, for example: systemctl start slapd',
        })
      : undefined
  const notes =
    isToldByItself && !isDirectory ? ['it is restarted, because it reads slapd.conf only then'] : []
  return { places, stopped, notes }
}

async function readConfiguration(situation: Situation): Promise<Configuration> {
  const { options, runtime } = situation
  for (const path of options.config === undefined ? usualPlaces : [options.config]) {
    const kind = (await runtime.files.facts(path))?.kind
    if (kind === undefined) continue
    const isDirectory = kind === 'directory'
    await ask('slaptest', ['-u', isDirectory ? '-F' : '-f', path], situation)
    return { path, isDirectory, settings: await readSettings(path, isDirectory, situation) }
  }
  const where =
    options.config === undefined ? `at none of ${usualPlaces.join(', ')}` : `not at ${options.config}`
  throw new AppError('ERR_DEPLOY_BROKEN_BEFORE', `the configuration of slapd is ${where}`, {
    hint: 'say where it is with config: PATH, its directory slapd.d or its file slapd.conf',
  })
}

async function readSettings(
  path: string,
  isDirectory: boolean,
  situation: Situation,
): Promise<SlapdSettings> {
  if (!isDirectory) return parseConfigFile((await readText(path, situation.runtime)) ?? '')
  const only = ['-o', 'ldif-wrap=no', '-a', '(objectClass=olcGlobal)']
  return parseConfigEntry(await ask('slapcat', ['-n', '0', '-F', path, ...only], situation))
}

/** Runs one of the programs that lie beside slapd, and fail only where the configuration is broken. */
async function ask(
  name: string,
  args: readonly string[],
  { options: { program }, runtime, signal }: Situation,
): Promise<string> {
  const directory = program?.slice(0, program.lastIndexOf('/') + 1) ?? ''
  const result = await runProgram(`${directory}${name}`, args, runtime, { signal })
  if (result.exitCode === 0) return result.stdout
  throw new AppError(
    'ERR_DEPLOY_BROKEN_BEFORE',
    `slapd does not accept its present configuration: ${lastWords(result)}`,
    { hint: `repair it, and see what "${printable([name, ...args].join(' '))}" says` },
  )
}

async function placesOf(
  { path, settings }: Configuration,
  { runtime }: Pick<Situation, 'runtime'>,
): Promise<readonly CertificatePlace[]> {
  const { certificateFile, keyFile, argumentsFile } = settings
  if (certificateFile === undefined || keyFile === undefined) return []
  const commandLine = argumentsFile === undefined ? undefined : await readText(argumentsFile, runtime)
  return [{ certificateFile, keyFile, source: path, endpoints: listenersOf(commandLine ?? '') }]
}

async function processOf(
  { pidFile }: SlapdSettings,
  { runtime, signal }: Pick<Situation, 'runtime' | 'signal'>,
): Promise<ProcessState | undefined> {
  if (pidFile === undefined) return undefined
  return await lookForProcess(pidFile, runtime, { isIt: isProgram('slapd'), signal })
}

/** How this process, as root, is known to slapd: by the socket that it connects to. */
function client({ socket }: SlapdOptions): readonly string[] {
  return ['-Q', '-Y', 'EXTERNAL', '-H', `ldapi://${encodeURIComponent(socket ?? '')}/`]
}

/** Tells before anything is changed whether the configuration could be. */
async function requireAccess({ options, runtime, signal }: Situation): Promise<void> {
  const args = [...client(options), '-LLL', '-b', 'cn=config', '-s', 'base', '1.1']
  const result = await runProgram('ldapsearch', args, runtime, { signal })
  if (result.exitCode === 0 && /^dn: cn=config$/m.test(result.stdout)) return
  const hint =
    result.exitCode === 0 || result.exitCode === 32 || result.exitCode === 50
      ? 'give root access to cn=config, as Debian does: olcAccess: to * by dn.exact=gidNumber=0+uidNumber=0,cn=peercred,cn=external,cn=auth manage by * break'
      : 'have slapd listen on ldapi:///, or say where its socket is with socket: PATH, or how else it is told with reload:'
  throw new AppError(
    'ERR_DEPLOY_BROKEN_BEFORE',
    `cannot change cn=config of slapd: ${lastWords(result) || 'it shows nothing'}`,
    { hint },
  )
}

/**
 * The change of `cn=config` is refused where the files are not good, but TLS does not work any more then, until a good change: so
 * all is looked at before. (SIGHUP ends slapd.)
 */
async function activate(situation: Situation): Promise<void> {
  const { options, runtime, signal } = situation
  const configuration = await readConfiguration(situation)
  const { settings, isDirectory } = configuration
  await requireUsable(configuration, situation)
  const [program, ...args] = options.reload ?? []
  if (program !== undefined) await runOrFail(program, args, runtime, { signal })
  else if (!isDirectory) await tellService({ action: 'restart', names: ['slapd'] }, runtime, { signal })
  else {
    const { certificateFile = '', keyFile = '' } = settings
    const input = touchLdif({ certificateFile, keyFile })
    const hint = 'see what the log of slapd says; then: certwright apply'
    await runOrFail('ldapmodify', client(options), runtime, { input, hint, signal })
  }
}

async function requireUsable(configuration: Configuration, situation: Situation): Promise<void> {
  const { runtime } = situation
  const places = await placesOf(configuration, situation)
  const problem = await badPair(
    'ERR_DEPLOY',
    places,
    { server: 'slapd', effect: 'would serve no TLS' },
    runtime,
  )
  if (problem !== undefined) throw problem
  const state = await processOf(configuration.settings, situation)
  if (state?.running !== true) return
  const { certificateFile = '', keyFile = '' } = configuration.settings
  const path = await firstUnreadable(state.pid, [certificateFile, keyFile], runtime)
  if (path === undefined) return
  throw new AppError('ERR_DEPLOY', `slapd may not read ${printable(path)}, and would serve no TLS`, {
    hint: 'give it to the user of slapd: { slapd: { owner: openldap } }, and let that user search the directories above it',
  })
}
