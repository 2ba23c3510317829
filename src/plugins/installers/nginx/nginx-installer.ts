/** nginx on this machine: finds the server blocks of a certificate and decides how to edit them. */
import { AppError, isAppError } from '../../../base/errors.ts'
import { printable } from '../../../base/printable.ts'
import type { DeployableCertificate } from '../../../contracts/deployer.ts'
import type { Installer, InstallPlan, PlanOptions } from '../../../contracts/installer.ts'
import type { NginxTarget } from '../../../contracts/nginx-target.ts'
import type { ExecResult } from '../../../runtime/exec.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import { challengeSnippet } from '../../deployers/nginx/challenge-snippet.ts'
import { type Config, parseFile, parseFiles, splitDump } from '../../deployers/nginx/config.ts'
import { type Nginx, nginxCommand, whyStopped } from '../../deployers/nginx/nginx.ts'
import { type FileSetting, serverBlocks } from '../../deployers/nginx/server-blocks.ts'
import { filesToFollow } from '../../deployers/nginx/usage.ts'
import { complaint, warnings } from '../../deployers/nginx/words.ts'
import { endOfPath } from '../../deployers/server/file-trail.ts'
import { editsByFile, type Source } from '../file-edit.ts'
import { hardenedInclude } from '../hardened.ts'
import { followAll, readSource } from '../read-source.ts'
import { decideEdits } from './decide.ts'
import { printDirectives } from './print.ts'
import type { NginxFacts } from './secure-listen.ts'

type InstallerRuntime = Pick<Runtime, 'exec' | 'files'>

/** A directory of ours beside the main file. */
const ownDirectoryName = 'certwright'

/** Come with Debian's, Red Hat's and nginx's own packages, and are replaced with them; below the directory of the main file. */
const packagedFiles =
  /^(?:mime\.types|(?:fastcgi|scgi|uwsgi|proxy)_params|fastcgi\.conf|koi-(?:utf|win)|win-utf|snippets\/(?:fastcgi-php|snakeoil)\.conf|modules-enabled\/.*)$/

/** An installer for one nginx. */
export function createNginxInstaller(options: NginxTarget, runtime: InstallerRuntime): Installer {
  const nginx = nginxCommand(options, runtime)
  return {
    name: 'nginx',
    plan: (certificate, planOptions) => plan(certificate, planOptions, { options, nginx, runtime }),
    warnings: async ({ signal }) => comparable(await nginx(['-t'], signal)),
  }
}

type Situation = {
  readonly options: NginxTarget
  readonly nginx: Nginx
  readonly runtime: InstallerRuntime
}

async function plan(
  certificate: DeployableCertificate,
  { wishes, withoutEdits, signal }: PlanOptions,
  { options, nginx, runtime }: Situation,
): Promise<InstallPlan> {
  const dump = await nginx(['-T'], signal)
  if (dump.exitCode !== 0) {
    throw new AppError(
      'ERR_DEPLOY_BROKEN_BEFORE',
      `nginx does not accept its present configuration: ${complaint(dump)}`,
      {
        hint: /permission denied/i.test(dump.stderr)
          ? 'run this as root, as nginx is started'
          : 'repair it, and see what "nginx -t" says; nothing was changed',
      },
    )
  }
  const { sources, config } = await understood(async () => {
    const sources = await readSources(dump.stdout, withoutEdits, runtime)
    return { sources, config: parseFiles(sources) }
  })
  const stopped = await whyStopped(config, { options, nginx, runtime, signal })
  if (stopped !== undefined) throw stopped
  const blocks = serverBlocks(config)
  const facts = factsOf(await nginx(['-V'], signal))
  const ownDirectory = `${await endOfPath(config.directory, runtime)}/${ownDirectoryName}`
  const challengeFile = `${ownDirectory}/${certificate.name}-challenge.conf`
  const tlsFile = `${ownDirectory}/${certificate.name}-tls.conf`
  const tlsText = await hardenedInclude(
    'nginx',
    { profile: wishes.profile, name: certificate.name, program: options.program, signal },
    runtime,
  )
  const tlsSettings = new Set(parseFile({ name: tlsFile, text: tlsText }).map(({ name }) => name))
  const leadsTo = await followAll(filesToFollow(blocks), certificate, runtime)
  const decision = decideEdits({
    ...{ certificate, blocks, facts, wishes, challengeFile, tlsFile, tlsSettings },
    sources: new Map(sources.map(source => [source.name, source])),
    leadsTo: ({ path }: FileSetting, directory) => path !== undefined && leadsTo(path, directory),
  })
  const edited = editsByFile(decision.edits, new Map(sources.map(source => [source.name, source])))
  const { webroot } = wishes
  return {
    files: [...edited].map(([{ path, current, text }, edits]) => ({ path, current, base: text, edits })),
    ownFiles: [
      ...(decision.usesChallengeFile && webroot !== undefined
        ? [
            {
              path: challengeFile,
              text: challengeSnippet({ webroot, madeBy: `certwright install nginx ${certificate.name}` }),
            },
          ]
        : []),
      ...(decision.usesTlsFile ? [{ path: tlsFile, text: tlsText }] : []),
    ],
    ownDirectory,
    notes: [...decision.notes, ...unplacedNotes(config, ownDirectory)],
    warnings: comparable(dump),
  }
}

/** The files that nginx has read, main one first, as they lie on the disk. */
async function readSources(
  dump: string,
  withoutEdits: PlanOptions['withoutEdits'],
  runtime: InstallerRuntime,
): Promise<readonly Source[]> {
  const files = splitDump(dump)
  const main = files[0]?.name ?? '/'
  const tree = await endOfPath(main.slice(0, main.lastIndexOf('/')) || '/', runtime)
  const sources: Source[] = []
  for (const { name, text: dumped } of files) {
    // nginx ends each file of the dump with a line break of its own.
    const isCurrent = (bytes: Uint8Array) =>
      `${new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)}\n` === dumped
    const options = { name, tree, packaged: packagedFiles, withoutEdits, isUnderstood, isCurrent }
    sources.push(await readSource(options, runtime))
  }
  return sources
}

function isUnderstood({ name, text }: { readonly name: string; readonly text: string }): boolean {
  return printDirectives(parseFile({ name, text }), text) === text
}

async function understood<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (cause) {
    if (!isAppError(cause, 'ERR_FORMAT')) throw cause
    throw new AppError(
      'ERR_DEPLOY',
      `nginx accepts its configuration, but Certwright cannot read it: ${cause.message}`,
      {
        hint: 'this is a fault of Certwright; please report the line. Nothing was changed',
        cause,
      },
    )
  }
}

/** What `nginx -V` says. */
function factsOf({ stderr }: Pick<ExecResult, 'stderr'>): NginxFacts {
  const [, major, minor, patch] = /^nginx version: \S*?\/(\d+)\.(\d+)\.(\d+)/m.exec(stderr) ?? []
  return {
    version: [Number(major ?? 0), Number(minor ?? 0), Number(patch ?? 0)],
    hasHttp2: stderr.includes('--with-http_v2_module'),
  }
}

function unplacedNotes({ unplaced }: Config, ownDirectory: string): readonly string[] {
  return unplaced
    .filter(file => !file.startsWith(`${ownDirectory}/`))
    .map(file => `${printable(file)}: nginx reads it, but no include that leads to it was found`)
}

/** Lines move when others are added: their numbers say nothing about what is new. */
function comparable(result: ExecResult): readonly string[] {
  return warnings(result).map(text => text.replace(/:\d+$/, ''))
}
