/** Redis and Valkey on this machine. */
import { AppError } from '../../../base/errors.ts'
import { printable } from '../../../base/printable.ts'
import type { ClientOptions } from '../../../contracts/client-target.ts'
import type { Deployer } from '../../../contracts/deployer.ts'
import type { ExecOptions } from '../../../runtime/exec.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import { notRestarted } from '../server/not-restarted.ts'
import { passwordIn } from '../server/password.ts'
import { requireOwnPeer } from '../server/peer.ts'
import { readText } from '../server/read-text.ts'
import { lastWords, runOrFail, runProgram } from '../server/run-program.ts'
import { createServerDeployer, type Server, type ServerRuntime, type ServerView } from '../server/server.ts'
import { parseAnswers, parseConfig, redisPlace, type Settings, settingNames } from './settings.ts'

type RedisRuntime = ServerRuntime & Pick<Runtime, 'environment'>

/** The two, which are told apart by their names only. */
type Flavor = { readonly name: 'redis' | 'valkey'; readonly title: string; readonly config: string }
type Situation = {
  readonly flavor: Flavor
  readonly options: ClientOptions
  readonly runtime: RedisRuntime
  readonly signal: AbortSignal
}

const usualPort = 6379
const redis: Flavor = { name: 'redis', title: 'Redis', config: '/etc/redis/redis.conf' }
const valkey: Flavor = { name: 'valkey', title: 'Valkey', config: '/etc/valkey/valkey.conf' }

/** A deployer for one Redis. Its user cannot look into `live/`, and so it is given copies. */
export function createRedisDeployer(options: ClientOptions, runtime: RedisRuntime): Deployer {
  return create(redis, options, runtime)
}

/** A deployer for one Valkey: the same under its own names. */
export function createValkeyDeployer(options: ClientOptions, runtime: RedisRuntime): Deployer {
  return create(valkey, options, runtime)
}

function create(flavor: Flavor, options: ClientOptions, runtime: RedisRuntime): Deployer {
  const { name } = flavor
  const server: Server = {
    name,
    fresh: { owner: name, group: name },
    look: ({ signal }) => look({ flavor, options, runtime, signal }),
    activate: ({ signal }) => activate({ flavor, options, runtime, signal }),
  }
  return createServerDeployer(server, options, runtime)
}

async function look(situation: Situation): Promise<ServerView> {
  const { flavor, options, runtime } = situation
  const { title, name, config } = flavor
  const answer = await askSettings(situation)
  const place = 'settings' in answer ? redisPlace(answer.settings, { source: 'tls-cert-file' }) : undefined
  if (place !== undefined) return { places: [place] }
  const file = options.config ?? config
  const text = await readText(file, runtime)
  const planned =
    text && redisPlace(new Map(parseConfig(text)), { source: `tls-cert-file in ${printable(file)}` })
  if ('notRunning' in answer) {
    const hint = `start it, for example: systemctl start ${name}; or say where it is with socket: PATH or port: NUMBER`
    const stopped = new AppError('ERR_DEPLOY', `${title} is not running: ${answer.notRunning}`, { hint })
    if (planned) return { places: [planned], stopped }
    throw new AppError('ERR_DEPLOY_BROKEN_BEFORE', stopped.message, { hint })
  }
  if (planned) return { places: [planned], stopped: notRestarted(title, name) }
  throw new AppError('ERR_DEPLOY_UNUSED', `${title} has TLS switched off`, {
    hint: `set tls-port, tls-cert-file and tls-key-file in ${printable(file)}, have the files written by certwright apply, and restart it once`,
  })
}

/**
 * What a running one is set to.
 * @throws AppError ERR_DEPLOY_BROKEN_BEFORE where it does not tell
 */
async function askSettings(
  situation: Situation,
): Promise<{ readonly settings: Settings } | { readonly notRunning: string }> {
  const { options, runtime, signal, flavor } = situation
  const peer = options.socket === undefined ? { port: options.port ?? usualPort } : { socket: options.socket }
  await requireOwnPeer(peer, { user: options.owner ?? flavor.name, signal }, runtime)
  const input = settingNames.map(name => `CONFIG GET ${name}\n`).join('')
  const result = await runClient([], situation, { input })
  const said = lastWords({
    stdout: [...new Set(result.stdout.split('\n'))].join('\n'),
    stderr: result.stderr,
  })
  if (/^Could not connect/m.test(result.stderr)) return { notRunning: said }
  const settings = parseAnswers(result.stdout)
  if (settings.size > 0) return { settings }
  throw new AppError('ERR_DEPLOY_BROKEN_BEFORE', `${situation.flavor.title} refuses to be asked: ${said}`, {
    hint: hintFor(said, situation),
  })
}

function hintFor(said: string, { flavor, options }: Situation): string {
  if (/NOAUTH|WRONGPASS/.test(said)) return 'name its password with password: { file: PATH }, and user: NAME'
  if (/NOPERM/.test(said))
    return `as an administrator: ACL SETUSER ${printable(options.user ?? 'NAME')} +config|get +config|set`
  return `see what the log of ${flavor.title} says; "${flavor.name}-cli CONFIG GET tls-port" has to answer`
}

async function activate(situation: Situation): Promise<void> {
  const { options, runtime, signal, flavor } = situation
  const [program, ...args] = options.reload ?? []
  if (program !== undefined) {
    await runOrFail(program, args, runtime, { signal })
    return
  }
  const answer = await askSettings(situation)
  if ('settings' in answer) {
    // The values that it has. One is enough to have it read both files, in every version.
    const file = answer.settings.get('tls-cert-file') ?? ''
    const result = await runClient(['CONFIG', 'SET', 'tls-cert-file', file], situation, {})
    if (result.stdout.trim() === 'OK') return
    const hint = `have its user read certificate and key, and search the directories above: see owner, group and mode of the target; its log says more`
    throw new AppError('ERR_DEPLOY', `${flavor.title} refuses: ${lastWords(result)}`, { hint })
  }
  throw new AppError('ERR_DEPLOY', `${flavor.title} was not made to read its files: ${answer.notRunning}`, {
    hint: 'see whether it runs, and what its log says',
  })
}

async function runClient(
  command: readonly string[],
  { flavor, options, runtime, signal }: Situation,
  execOptions: Pick<ExecOptions, 'input'>,
) {
  const args = [
    ...(options.socket === undefined ? [] : ['-s', options.socket]),
    ...(options.host === undefined ? [] : ['-h', options.host]),
    ...(options.port === undefined ? [] : ['-p', String(options.port)]),
    ...(options.user === undefined ? [] : ['--user', options.user]),
  ]
  // Valkey knows the name that Redis has for it, too.
  const env = await passwordIn('REDISCLI_AUTH', options, runtime)
  const program = options.program ?? `${flavor.name}-cli`
  return await runProgram(program, [...args, ...command], runtime, { signal, ...execOptions, ...env })
}
