/** Apache httpd on this machine: finds the virtual hosts of a certificate and decides how to edit them. */
import { AppError, isAppError } from '../../../base/errors.ts'
import { printable } from '../../../base/printable.ts'
import type { DeployableCertificate } from '../../../contracts/deployer.ts'
import type { Installer, InstallPlan, PlanOptions } from '../../../contracts/installer.ts'
import type { ServerOptions } from '../../../contracts/server-target.ts'
import type { ExecResult } from '../../../runtime/exec.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import { askApache, processOf } from '../../deployers/apache/apache.ts'
import { type Dump, dumpSwitches, type IncludedFile, parseDump } from '../../deployers/apache/dump.ts'
import { endOfPath } from '../../deployers/server/file-trail.ts'
import { lastWords } from '../../deployers/server/run-program.ts'
import { editsByFile, type Source } from '../file-edit.ts'
import { hardenedInclude } from '../hardened.ts'
import { followAll, readSource } from '../read-source.ts'
import { apacheChallengeSnippet } from './challenge.ts'
import { decideApacheEdits } from './decide.ts'
import { parseApacheFile, printApacheNodes } from './document.ts'
import { type ApacheConfig, readHosts } from './hosts.ts'

type InstallerRuntime = Pick<Runtime, 'exec' | 'files'>
type Situation = {
  readonly options: ServerOptions
  readonly runtime: InstallerRuntime
  readonly signal: AbortSignal
}

/** A directory of ours in that of the configuration. */
const ownDirectoryName = 'certwright'

/** Come with Debian's, Red Hat's and Apache's own packages, and are replaced with them. */
const packagedFiles =
  /^(?:mods-(?:available|enabled)\/.*|conf\.modules\.d\/.*|magic|mime\.types|envvars|ports\.conf)$/

/** An installer for one Apache httpd. */
export function createApacheInstaller(options: ServerOptions, runtime: InstallerRuntime): Installer {
  return {
    name: 'apache',
    plan: (certificate, planOptions) =>
      plan(certificate, planOptions, { options, runtime, signal: planOptions.signal }),
    warnings: async ({ signal }) => comparable(await ask(['-t'], { options, runtime, signal })),
  }
}

async function plan(
  certificate: DeployableCertificate,
  { wishes, withoutEdits }: PlanOptions,
  situation: Situation,
): Promise<InstallPlan> {
  const { options, runtime, signal } = situation
  const test = await ask(['-t'], situation)
  const dumped = test.exitCode === 0 ? await ask(['-t', ...dumpSwitches], situation) : test
  if (dumped.exitCode !== 0) {
    throw new AppError(
      'ERR_DEPLOY_BROKEN_BEFORE',
      `Apache does not accept its present configuration: ${lastWords(dumped)}`,
      { hint: 'repair it, and see what "apachectl -t" says; nothing was changed' },
    )
  }
  const dump = parseDump(dumped.stdout)
  await refuseStopped(dump, situation)
  const facts = { serverRoot: dump.serverRoot ?? '/', modules: dump.modules, defines: dump.defines }
  const tree = await treeOf(dump, runtime)
  const { sources, config } = await understood(async () => {
    const sources = await readSources(dump, { tree, withoutEdits }, runtime)
    return { sources, config: readHosts(sources, facts) }
  })
  const ownDirectory = `${tree}/${ownDirectoryName}`
  refuseUnplaced(config, ownDirectory)
  const challengeFile = `${ownDirectory}/${certificate.name}-challenge.conf`
  const tlsFile = `${ownDirectory}/${certificate.name}-tls.conf`
  const tlsText = await hardenedInclude(
    'apache',
    { profile: wishes.profile, name: certificate.name, program: options.program, signal },
    runtime,
  )
  const byName = new Map(sources.map(source => [source.name, source]))
  const absolute = (path: string) => (path.startsWith('/') ? path : `${facts.serverRoot}/${path}`)
  const leadsTo = await followAll(certificatesIn(config).map(absolute), certificate, runtime)
  const decision = decideApacheEdits({
    ...{ certificate, config, facts, wishes, challengeFile, tlsFile },
    sources: byName,
    leadsTo: (path, directory) => leadsTo(absolute(path), directory),
    tlsSettings: new Set(parseApacheFile({ name: tlsFile, text: tlsText }).map(({ name }) => name)),
  })
  const { webroot } = wishes
  return {
    files: [...editsByFile(decision.edits, byName)].map(([{ path, current, text }, edits]) => ({
      ...{ path, current, base: text, edits },
    })),
    ownFiles: [
      ...(decision.usesChallengeFile && webroot !== undefined
        ? [
            {
              path: challengeFile,
              text: apacheChallengeSnippet({
                webroot,
                madeBy: `certwright install apache ${certificate.name}`,
              }),
            },
          ]
        : []),
      ...(decision.usesTlsFile ? [{ path: tlsFile, text: tlsText }] : []),
    ],
    ownDirectory,
    notes: decision.notes,
    warnings: comparable(test),
  }
}

async function ask(args: readonly string[], situation: Situation): Promise<ExecResult> {
  const { config } = situation.options
  return await askApache([...(config === undefined ? [] : ['-f', config]), ...args], situation)
}

async function refuseStopped(dump: Dump, situation: Situation): Promise<void> {
  if (situation.options.reload !== undefined) return // it may run where its process cannot be seen
  const process = await processOf(dump, situation)
  if (process.running) return
  throw new AppError('ERR_DEPLOY', `Apache is not running: ${process.text}`, {
    hint: 'start it, for example: systemctl start apache2; nothing was changed',
  })
}

/** The directory of the main file, or the one above where that is called `conf`, as in Red Hat's and Apache's own layout. */
async function treeOf({ main }: Dump, runtime: InstallerRuntime): Promise<string> {
  const path = main?.path ?? '/'
  const directory = path.slice(0, path.lastIndexOf('/')) || '/'
  return await endOfPath(directory.replace(/(?<=.)\/conf$/, ''), runtime)
}

/** The files that Apache has read, main one first, as they lie on the disk. */
async function readSources(
  { main }: Dump,
  { tree, withoutEdits }: { readonly tree: string; readonly withoutEdits: PlanOptions['withoutEdits'] },
  runtime: InstallerRuntime,
): Promise<readonly Source[]> {
  const sources: Source[] = []
  for (const name of new Set(filesOf(main))) {
    const options = { name, tree, packaged: packagedFiles, withoutEdits, isUnderstood }
    sources.push(await readSource(options, runtime))
  }
  return sources
}

function filesOf(file: IncludedFile | undefined): readonly string[] {
  return file === undefined ? [] : [file.path, ...file.includes.flatMap(filesOf)]
}

function isUnderstood({ name, text }: { readonly name: string; readonly text: string }): boolean {
  return printApacheNodes(parseApacheFile({ name, text }), text) === text
}

/** A file that we do not know the place of may have virtual hosts of the same names. */
function refuseUnplaced({ unplaced }: ApacheConfig, ownDirectory: string): void {
  const [strange] = unplaced.filter(file => !file.startsWith(`${ownDirectory}/`))
  if (strange === undefined) return
  throw new AppError(
    'ERR_DEPLOY',
    `Apache reads ${printable(strange)}, but no include that leads to it was found`,
    {
      hint: 'it may be included by a macro or a variable; edit the virtual hosts yourself. Nothing was changed',
    },
  )
}

function certificatesIn({ hosts }: ApacheConfig): readonly string[] {
  return hosts.flatMap(({ settings }) =>
    settings.filter(({ name }) => name === 'sslcertificatefile').flatMap(({ args }) => args.slice(0, 1)),
  )
}

async function understood<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (cause) {
    if (!isAppError(cause, 'ERR_FORMAT')) throw cause
    throw new AppError(
      'ERR_DEPLOY',
      `Apache accepts its configuration, but Certwright cannot read it: ${cause.message}`,
      { hint: 'this is a fault of Certwright; please report the line. Nothing was changed', cause },
    )
  }
}

/** Lines move when others are added: their numbers say nothing about what is new. */
function comparable({ stderr }: ExecResult): readonly string[] {
  return stderr
    .split('\n')
    .map(line => printable(line.trim()).replace(/:\d+(?=\)?$)/, ''))
    .filter(line => line !== '' && line !== 'Syntax OK')
}
