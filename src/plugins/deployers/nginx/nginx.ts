/** nginx on this machine: reads `live/<name>`, is told to reload. */
import { AppError, isAppError, messageOf } from '../../../base/errors.ts'
import { secondMs } from '../../../base/instant.ts'
import { printable } from '../../../base/printable.ts'
import type { DeployableCertificate, Deployer, Inspection } from '../../../contracts/deployer.ts'
import type { NginxTarget } from '../../../contracts/nginx-target.ts'
import type { ExecResult } from '../../../runtime/exec.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import { servedWithin } from '../endpoints.ts'
import { endOfPath, followPath, type Trail } from '../server/file-trail.ts'
import { lookForProcess } from '../server/process.ts'
import { adviseUse } from './advice.ts'
import { type Config, parseDump } from './config.ts'
import { findEndpoints } from './endpoints.ts'
import { describeFindings } from './notes.ts'
import { isNginx, pidFileOf } from './process.ts'
import { type ServerBlock, serverBlocks } from './server-blocks.ts'
import { tlsSockets } from './sockets.ts'
import { filesToFollow, type Trails, usesCertificate } from './usage.ts'
import { complaint, warnings } from './words.ts'

type NginxRuntime = Pick<Runtime, 'exec' | 'files'>

/** The configuration is tested with name look-ups of upstreams, which may take their time. */
const testTimeoutMs = 60 * secondMs

/** A deployer for one nginx. */
export function createNginxDeployer(options: NginxTarget, runtime: NginxRuntime): Deployer {
  const nginx = nginxCommand(options, runtime)
  return {
    name: 'nginx',
    inspect: (certificate, { signal }) => inspect(certificate, { options, nginx, runtime, signal }),
    activate: async ({ signal }) => {
      try {
        await activate({ options, nginx, runtime, signal })
      } catch (cause) {
        if (!isAppError(cause, 'ERR_EXEC')) throw cause
        const { hint } = cause
        throw new AppError('ERR_DEPLOY', `nginx was not reloaded: ${messageOf(cause)}`, { hint, cause })
      }
    },
  }
}

/** Runs one nginx with arguments beside those that say which one it is. */
export type Nginx = (args: readonly string[], signal: AbortSignal) => Promise<ExecResult>

/** How one nginx is run. */
export function nginxCommand(
  { program = 'nginx', config, prefix }: NginxTarget,
  { exec }: NginxRuntime,
): Nginx {
  const where = [
    ...(prefix === undefined ? [] : ['-p', prefix]),
    ...(config === undefined ? [] : ['-c', config]),
  ]
  return (args, signal) => exec(program, [...where, ...args], { timeoutMs: testTimeoutMs, signal })
}

type Situation = {
  readonly options: NginxTarget
  readonly nginx: Nginx
  readonly runtime: NginxRuntime
  readonly signal: AbortSignal
}

async function activate({ options, nginx, runtime, signal }: Situation): Promise<void> {
  const test = await nginx(['-t'], signal)
  if (test.exitCode !== 0) {
    throw new AppError('ERR_DEPLOY', `nginx does not accept its configuration: ${complaint(test)}`, {
      hint: hintFor(test) ?? 'nginx goes on with what it has loaded; repair the configuration',
    })
  }
  const [program, ...args] = options.reload ?? []
  const reload =
    program === undefined
      ? await nginx(['-s', 'reload'], signal)
      : await runtime.exec(program, args, { timeoutMs: testTimeoutMs, signal })
  if (reload.exitCode !== 0) {
    const command = program === undefined ? 'nginx -s reload' : [program, ...args].join(' ')
    throw new AppError('ERR_DEPLOY', `"${printable(command)}" failed: ${complaint(reload)}`, {
      hint: 'see whether nginx runs and whether this is run as root',
    })
  }
}

async function inspect(certificate: DeployableCertificate, situation: Situation): Promise<Inspection> {
  const { nginx, signal } = situation
  try {
    const dump = await nginx(['-T'], signal)
    if (dump.exitCode === 0) return await inspectDump(dump, certificate, situation)
    const message = `nginx does not accept its present configuration: ${complaint(dump)}`
    const hint = hintFor(dump, certificate) ?? 'repair it, and see what "nginx -t" says'
    return { state: 'broken', error: new AppError('ERR_DEPLOY_BROKEN_BEFORE', message, { hint }) }
  } catch (error) {
    if (isAppError(error, 'ERR_DEPLOY')) return { state: 'broken', error }
    if (!isAppError(error, 'ERR_EXEC')) throw error
    const message = `nginx cannot be asked about its configuration: ${messageOf(error)}`
    return {
      state: 'broken',
      error: new AppError('ERR_DEPLOY_BROKEN_BEFORE', message, { hint: error.hint, cause: error }),
    }
  }
}

async function inspectDump(
  dump: ExecResult,
  certificate: DeployableCertificate,
  situation: Situation,
): Promise<Inspection> {
  const { runtime } = situation
  const { identifiers, liveDirectory } = certificate
  const config = parse(dump.stdout)
  const blocks = serverBlocks(config)
  const sockets = tlsSockets(blocks)
  const trails = await followFiles(filesToFollow(blocks), liveDirectory, runtime)
  const uses = (block: ServerBlock): boolean => usesCertificate(block, trails)
  if (!blocks.some(uses)) {
    const message = `no server block of nginx reads ${printable(liveDirectory)}`
    const lines = adviseUse(certificate, { blocks, sockets, trails })
    const hint = `${lines}\nor have that done, and shown first: certwright install nginx ${certificate.name}`
    return { state: 'unused', error: new AppError('ERR_DEPLOY_UNUSED', message, { hint }) }
  }
  const stopped = await whyStopped(config, situation)
  if (stopped !== undefined) return { state: 'not-running', error: stopped }

  const endpoints = findEndpoints(sockets, identifiers, uses)
  return {
    state: 'ready',
    endpoints: endpoints.map(({ endpoint }) => endpoint),
    notes: [
      ...describeFindings({ blocks, sockets, identifiers, trails, endpoints, expected: certificate }),
      ...config.unplaced.map(
        file => `${printable(file)}: nginx reads it, but no include that leads to it was found`,
      ),
      ...warnings(dump),
    ],
    ...servedWithin(situation.options),
  }
}

function parse(dump: string): Config {
  try {
    return parseDump(dump)
  } catch (cause) {
    if (!isAppError(cause)) throw cause
    throw new AppError(
      'ERR_DEPLOY',
      `nginx accepts its configuration, but Certwright cannot read it: ${cause.message}`,
      {
        hint: 'this is a fault of Certwright; please report the line',
        cause,
      },
    )
  }
}

async function followFiles(
  paths: ReadonlySet<string>,
  liveDirectory: string,
  runtime: NginxRuntime,
): Promise<Trails> {
  const of = new Map<string, Trail>()
  for (const path of paths) of.set(path, await followPath(path, liveDirectory, runtime))
  return { of, liveEnd: await endOfPath(liveDirectory, runtime) }
}

/** Why nginx cannot be told anything, where that is so and can be seen from here. */
export async function whyStopped(
  config: Config,
  { options, nginx, runtime, signal }: Situation,
): Promise<AppError | undefined> {
  if (options.reload !== undefined) return undefined
  const askBuild = async (): Promise<string> => (await nginx(['-V'], signal)).stderr
  const pidFile = await pidFileOf(config, { prefix: options.prefix, askBuild })
  const state = await lookForProcess(pidFile, runtime, { isIt: isNginx, signal })
  if (state.running) return undefined
  return new AppError('ERR_DEPLOY', `nginx is not running: ${state.text}`, {
    hint: 'start it, for example: systemctl start nginx',
  })
}

/** What to do about a refusal that has a known reason. */
function hintFor({ stderr }: ExecResult, certificate?: DeployableCertificate): string | undefined {
  if (/permission denied/i.test(stderr)) return 'run this as root, as nginx is started'
  if (
    certificate !== undefined &&
    stderr.includes(certificate.liveDirectory) &&
    /no such file/i.test(stderr)
  ) {
    if (certificate.keyIsElsewhere === true && stderr.includes('privkey.pem'))
      return 'the key is where the CSR was made: name that file in ssl_certificate_key'
    return 'these files come with the first certificate; if it was issued already, certwright apply puts them back, or the path is wrong'
  }
  return undefined
}
