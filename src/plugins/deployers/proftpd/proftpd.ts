/** ProFTPD on this machine: each connection is served with the files as they are then. */
import { AppError } from '../../../base/errors.ts'
import { printable } from '../../../base/printable.ts'
import type { Deployer } from '../../../contracts/deployer.ts'
import type { ServerOptions } from '../../../contracts/server-target.ts'
import { readScopes, type Scopes, toLines } from '../apache/directives.ts'
import type { IncludedFile } from '../apache/dump.ts'
import { isGlob, matchesGlob } from '../nginx/glob.ts'
import { badPair } from '../server/bad-pair.ts'
import { isProgram, lookForProcess } from '../server/process.ts'
import { readText } from '../server/read-text.ts'
import { lastWords, runOrFail, runProgram } from '../server/run-program.ts'
import { createServerDeployer, type ServerRuntime, type ServerView } from '../server/server.ts'
import { proftpdPlaces } from './places.ts'

type Situation = {
  readonly options: ServerOptions
  readonly runtime: ServerRuntime
  readonly signal: AbortSignal
}

/** Debian's, and that of the others. */
const usualConfigs = ['/etc/proftpd/proftpd.conf', '/etc/proftpd.conf']
/** Files that include one another in a circle are not followed for ever. */
const maxDepth = 10

/** A deployer for one ProFTPD. It reads files as root. */
export function createProftpdDeployer(options: ServerOptions, runtime: ServerRuntime): Deployer {
  return createServerDeployer(
    {
      name: 'proftpd',
      look: ({ signal }) => look({ options, runtime, signal }),
      activate: ({ signal }) => activate({ options, runtime, signal }),
    },
    options,
    runtime,
  )
}

async function look(situation: Situation): Promise<ServerView> {
  const config = await findConfig(situation)
  const scopes = await readAll(config, situation)
  const rejected = await whyRefused('ERR_DEPLOY_BROKEN_BEFORE', { config, scopes }, situation)
  const places = proftpdPlaces(scopes)
  const incomplete = places.filter(({ chainFile }) => chainFile === undefined)
  return {
    places,
    rejected,
    stopped: await whyStopped(scopes, situation),
    notes: incomplete.map(
      ({ certificateFile, source }) =>
        `ProFTPD sends nothing of ${printable(certificateFile)} but the certificate itself (${source}): name a file for the intermediates in TLSCertificateChainFile`,
    ),
  }
}

/** Nothing has to be told: what lies there is what the next connection gets. */
async function activate(situation: Situation): Promise<void> {
  const { options, runtime, signal } = situation
  const config = await findConfig(situation)
  const refused = await whyRefused(
    'ERR_DEPLOY',
    { config, scopes: await readAll(config, situation) },
    situation,
  )
  if (refused !== undefined) throw refused
  const [program, ...args] = options.reload ?? []
  if (program !== undefined) await runOrFail(program, args, runtime, { signal })
}

async function findConfig({ options, runtime }: Situation): Promise<string> {
  if (options.config !== undefined) return options.config
  for (const path of usualConfigs) if ((await runtime.files.facts(path)) !== undefined) return path
  throw new AppError('ERR_DEPLOY_BROKEN_BEFORE', `there is no ${usualConfigs.join(' or ')}`, {
    hint: 'say where the configuration of ProFTPD is with config: FILE',
  })
}

async function readAll(
  config: string,
  { options: { program = 'proftpd' }, runtime, signal }: Situation,
): Promise<Scopes> {
  const texts = new Map<string, string>()
  const main = await follow({ path: config, line: 0 }, texts, runtime)
  const { stdout } = await runProgram(program, ['-l'], runtime, { signal })
  const loaded = [...texts.values()].flatMap(text =>
    toLines(text).flatMap(({ words: [name = '', module = ''] }) =>
      name.toLowerCase() === 'loadmodule' ? module : [],
    ),
  )
  const builtIn = stdout.split('\n').map(line => line.trim())
  const modules = new Set([...builtIn, ...loaded].map(name => name.replace(/^mod_(.*)\.c$/, '$1_module')))
  return readScopes({ main, modules, defines: new Map(), serverRoot: undefined }, texts)
}

/** A file, and those that its `Include` lines name: files, patterns and directories. */
async function follow(
  { path, line }: Pick<IncludedFile, 'path' | 'line'>,
  texts: Map<string, string>,
  runtime: ServerRuntime,
  depth = 0,
): Promise<IncludedFile> {
  const text = (await readText(path, runtime)) ?? ''
  texts.set(path, text)
  const includes: IncludedFile[] = []
  for (const { number, words } of depth < maxDepth ? toLines(text) : []) {
    const [name = '', pattern = ''] = words
    if (!/^include(optional)?$/i.test(name)) continue
    for (const file of await filesBehind(pattern, runtime))
      includes.push(await follow({ path: file, line: number }, texts, runtime, depth + 1))
  }
  return { path, line, includes }
}

async function filesBehind(pattern: string, { files }: ServerRuntime): Promise<readonly string[]> {
  if (!pattern.startsWith('/')) return []
  const bare = pattern.replace(/\/$/, '')
  if (isGlob(bare)) {
    const directory = bare.slice(0, bare.lastIndexOf('/'))
    const paths = (await files.list(directory)).map(name => `${directory}/${name}`)
    return paths.filter(path => matchesGlob(bare, path))
  }
  if ((await files.facts(bare))?.kind !== 'directory') return [bare]
  return (await files.list(bare)).map(name => `${bare}/${name}`)
}

/** Its own test does not look at keys, and with one that does not belong to its certificate there is no TLS at all. */
async function whyRefused(
  code: 'ERR_DEPLOY' | 'ERR_DEPLOY_BROKEN_BEFORE',
  { config, scopes }: { readonly config: string; readonly scopes: Scopes },
  { options: { program = 'proftpd' }, runtime, signal }: Situation,
): Promise<AppError | undefined> {
  const test = await runProgram(program, ['-t', '-c', config], runtime, { signal })
  if (test.exitCode !== 0)
    return new AppError(code, `ProFTPD does not accept its configuration: ${lastWords(test)}`, {
      hint: `repair it, and see what "proftpd -t -c ${printable(config)}" says`,
    })
  const reader = { server: 'ProFTPD', effect: 'offers no TLS' }
  return await badPair(code, proftpdPlaces(scopes), reader, runtime)
}

async function whyStopped(
  { main }: Scopes,
  { options, runtime, signal }: Situation,
): Promise<AppError | undefined> {
  const isOnItsOwn = main.settings.get('servertype')?.at(-1)?.[0]?.toLowerCase() !== 'inetd'
  if (options.reload !== undefined || !isOnItsOwn) return undefined // it may run where its process cannot be seen
  const pidFile = main.settings.get('pidfile')?.at(-1)?.[0] ?? '/run/proftpd.pid'
  const process = await lookForProcess(pidFile, runtime, { isIt: isProgram('proftpd'), signal })
  if (process.running) return undefined
  return new AppError('ERR_DEPLOY', `ProFTPD is not running: ${process.text}`, {
    hint: 'start it, for example: systemctl start proftpd',
  })
}
