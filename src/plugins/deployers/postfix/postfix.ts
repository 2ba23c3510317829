/** Postfix on this machine: SMTP and submission. */
import { AppError } from '../../../base/errors.ts'
import { printable } from '../../../base/printable.ts'
import type { Deployer } from '../../../contracts/deployer.ts'
import type { ServerOptions } from '../../../contracts/server-target.ts'
import { pairProblem } from '../server/pair.ts'
import { isProgram, lookForProcess } from '../server/process.ts'
import { readText } from '../server/read-text.ts'
import { lastWords, runOrFail, runProgram, shownCommand } from '../server/run-program.ts'
import { createServerDeployer, type Server, type ServerRuntime, type ServerView } from '../server/server.ts'
import { tlsEndpoints } from './listeners.ts'
import { listedFiles, postfixPlaces } from './places.ts'
import { type Parameters, parseParameters, parseServices, type Service } from './postconf.ts'
import { parseSniMaps, parseSniSource, type SniTable } from './sni-table.ts'

type Situation = {
  readonly options: ServerOptions
  readonly runtime: ServerRuntime
  readonly signal: AbortSignal
}

/** Those that say where it listens, what it reads there, and where it runs. */
const parameters = [
  ...['queue_directory', 'inet_interfaces', 'inet_protocols', 'known_tcp_ports'],
  ...['smtpd_tls_security_level', 'smtpd_use_tls', 'smtpd_enforce_tls', 'smtpd_tls_wrappermode'],
  ...['smtpd_tls_chain_files', 'tls_server_sni_maps'],
  ...['smtpd_tls_cert_file', 'smtpd_tls_key_file'],
  ...['smtpd_tls_eccert_file', 'smtpd_tls_eckey_file'],
  ...['smtpd_tls_dcert_file', 'smtpd_tls_dkey_file'],
  ...['smtpd_upstream_proxy_protocol', 'postscreen_upstream_proxy_protocol'],
]

/**
 * A deployer for one instance of Postfix, by its configuration directory. It reads files as root, so `live/<name>` can be named
 * in its configuration.
 */
export function createPostfixDeployer(options: ServerOptions, runtime: ServerRuntime): Deployer {
  const server: Server = {
    name: 'postfix',
    look: ({ signal }) => look({ options, runtime, signal }),
    activate: ({ signal }) => activate({ options, runtime, signal }),
  }
  return createServerDeployer(server, options, runtime)
}

/** One of its programs, and which instance is meant; they lie in the same directory. */
function tool(name: string, { config, program }: ServerOptions): readonly [string, readonly string[]] {
  const directory = program?.slice(0, program.lastIndexOf('/') + 1) ?? ''
  return [`${directory}${name}`, config === undefined ? [] : ['-c', config]]
}

async function look(situation: Situation): Promise<ServerView> {
  // First `postconf`, which says what is wrong: `postfix check` does so only at a terminal, and else in the log of the mail.
  const { main, services } = await readConfiguration(situation)
  await ask('postfix', ['check'], situation)
  const texts = new Map<string, string>()
  const textOf = (path: string) => texts.get(path)
  const tables = services.flatMap(tablesOf)
  await readTexts(
    tables.map(({ sourceFile }) => sourceFile),
    texts,
    situation,
  )
  await readTexts(listedFiles(services, textOf), texts, situation)
  const stopped = await whyStopped(main, situation)
  if (services.every(one => tlsEndpoints(one).length === 0))
    throw new AppError('ERR_DEPLOY_UNUSED', 'no service of Postfix offers TLS', {
      hint: 'switch it on: postconf -e smtpd_tls_security_level=may',
    })
  return { places: postfixPlaces(services, textOf), stopped }
}

function tablesOf({ parameters: own }: Pick<Service, 'parameters'>): readonly SniTable[] {
  return parseSniMaps(own.get('tls_server_sni_maps') ?? '')
}

async function readConfiguration(
  situation: Situation,
): Promise<{ main: Parameters; services: readonly Service[] }> {
  // `-x` writes out the parameters that a value refers to.
  const main = parseParameters(await ask('postconf', ['-x', ...parameters], situation))
  const overrides = await ask('postconf', ['-P', '-x'], situation)
  const lines = await ask('postconf', ['-M'], situation)
  return { main, services: parseServices(lines, { overrides, main }) }
}

/** Runs what fails only where the configuration is broken. */
async function ask(
  name: string,
  args: readonly string[],
  { options, runtime, signal }: Situation,
): Promise<string> {
  const [program, where] = tool(name, options)
  const result = await runProgram(program, [...where, ...args], runtime, { signal })
  if (result.exitCode === 0) return result.stdout
  const said = lastWords(result)
  throw new AppError(
    'ERR_DEPLOY_BROKEN_BEFORE',
    `Postfix does not accept its present configuration${said && `: ${said}`}`,
    { hint: `repair it, and see what "${shownCommand(['postfix', ...where, 'check'])}" says` },
  )
}

async function readTexts(
  paths: readonly string[],
  texts: Map<string, string>,
  { runtime }: Situation,
): Promise<void> {
  for (const path of paths) {
    const text = await readText(path, runtime)
    if (text !== undefined) texts.set(path, text)
  }
}

async function whyStopped(
  main: Parameters,
  { options, runtime, signal }: Situation,
): Promise<AppError | undefined> {
  if (options.reload !== undefined) return undefined // it may run where its process cannot be seen
  const pidFile = `${main.get('queue_directory') ?? '/var/spool/postfix'}/pid/master.pid`
  const state = await lookForProcess(pidFile, runtime, { isIt: isProgram('master'), signal })
  if (state.running) return undefined
  return new AppError('ERR_DEPLOY', `Postfix is not running: ${state.text}`, {
    hint: 'start it, for example: systemctl start postfix',
  })
}

/** The processes that run keep what they have read; the tables hold copies of the files. */
async function activate(situation: Situation): Promise<void> {
  const { options, runtime, signal } = situation
  const { services } = await readConfiguration(situation)
  const tables = services.flatMap(tablesOf).filter(({ isBuilt }) => isBuilt)
  const byPath = new Map(tables.map(table => [`${table.type}:${table.sourceFile}`, table]))
  for (const [name, table] of byPath) await buildTable(name, table, situation)
  const [postfix, where] = tool('postfix', options)
  const [program, ...args] = options.reload ?? [postfix, ...where, 'reload']
  if (program !== undefined) await runOrFail(program, args, runtime, { signal })
}

/** `postmap` leaves an entry out whose files it cannot read, and does not look whether they belong together. */
async function buildTable(name: string, { sourceFile }: SniTable, situation: Situation): Promise<void> {
  const { options, runtime, signal } = situation
  for (const { name: served, files } of parseSniSource((await readText(sourceFile, runtime)) ?? '')) {
    const problem = await problemOf(files, situation)
    if (problem === undefined) continue
    throw new AppError('ERR_DEPLOY', `${printable(sourceFile)}, ${printable(served)}: ${problem}`, {
      hint: 'correct or remove the line; the table is not built with it, because Postfix would not serve the name then',
    })
  }
  const [postmap, where] = tool('postmap', options)
  await runOrFail(postmap, [...where, '-F', name], runtime, { signal })
}

async function problemOf(files: readonly string[], { runtime }: Situation): Promise<string | undefined> {
  let all = ''
  for (const file of files) {
    const text = await readText(file, runtime)
    if (text === undefined) return `${printable(file)} is not there`
    all += `${text}\n`
  }
  return pairProblem({ certificate: all, key: all })
}
