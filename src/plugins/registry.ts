/** The built-in plugins by name; each is loaded when it is used. */
import { AppError } from '../base/errors.ts'
import { describeIssues, parseWith, type v } from '../base/schema.ts'
import { suggest } from '../base/suggest.ts'
import type { Deployer } from '../contracts/deployer.ts'
import type { Installer } from '../contracts/installer.ts'
import type { Notifier, NotifierRuntime } from '../contracts/notifier.ts'
import { type NotifierName, type NotifierOptions, notifierOptions } from '../contracts/notifier-options.ts'
import type { Json, Solver } from '../contracts/solver.ts'
import { type TargetKind, type TargetOptions, targetOptions } from '../contracts/target-options.ts'
import type { Runtime } from '../runtime/runtime.ts'

/** A plugin by name, with its options as plain JSON. */
export type PluginChoice = { readonly name: string; readonly options: Readonly<Record<string, Json>> }

type Create<Plugin> = (options: PluginChoice['options'], runtime: Runtime) => Plugin
type Registry<Plugin> = ReadonlyMap<string, () => Promise<Create<Plugin>>>

const solvers: Registry<Solver> = new Map([
  [
    'http-01-webroot',
    async () => {
      const { createWebrootSolver, webrootSolverOptions } = await import('./solvers/http-01-webroot.ts')
      return withOptions('http-01-webroot', webrootSolverOptions, createWebrootSolver)
    },
  ],
  [
    'http-01-standalone',
    async () => {
      const { createStandaloneSolver, standaloneSolverOptions } = await import(
        './solvers/http-01-standalone.ts'
      )
      return withOptions('http-01-standalone', standaloneSolverOptions, createStandaloneSolver)
    },
  ],
])

const deployers: Registry<Deployer> = new Map(
  Object.entries({
    apache: async () =>
      deployer('apache', (await import('./deployers/apache/apache.ts')).createApacheDeployer),
    coturn: async () =>
      deployer('coturn', (await import('./deployers/coturn/coturn.ts')).createCoturnDeployer),
    cups: async () => deployer('cups', (await import('./deployers/cups/cups.ts')).createCupsDeployer),
    dovecot: async () =>
      deployer('dovecot', (await import('./deployers/dovecot/dovecot.ts')).createDovecotDeployer),
    exim: async () => deployer('exim', (await import('./deployers/exim/exim.ts')).createEximDeployer),
    files: async () => deployer('files', (await import('./deployers/files/files.ts')).createFilesDeployer),
    haproxy: async () =>
      deployer('haproxy', (await import('./deployers/haproxy/haproxy.ts')).createHaproxyDeployer),
    mariadb: async () =>
      deployer('mariadb', (await import('./deployers/mariadb/mariadb.ts')).createMariadbDeployer),
    mosquitto: async () =>
      deployer('mosquitto', (await import('./deployers/mosquitto/mosquitto.ts')).createMosquittoDeployer),
    mysql: async () =>
      deployer('mysql', (await import('./deployers/mariadb/mariadb.ts')).createMysqlDeployer),
    lighttpd: async () =>
      deployer('lighttpd', (await import('./deployers/lighttpd/lighttpd.ts')).createLighttpdDeployer),
    nghttpx: async () =>
      deployer('nghttpx', (await import('./deployers/nghttpx/nghttpx.ts')).createNghttpxDeployer),
    nginx: async () => deployer('nginx', (await import('./deployers/nginx/nginx.ts')).createNginxDeployer),
    postfix: async () =>
      deployer('postfix', (await import('./deployers/postfix/postfix.ts')).createPostfixDeployer),
    postgresql: async () =>
      deployer('postgresql', (await import('./deployers/postgresql/postgresql.ts')).createPostgresqlDeployer),
    proftpd: async () =>
      deployer('proftpd', (await import('./deployers/proftpd/proftpd.ts')).createProftpdDeployer),
    prosody: async () =>
      deployer('prosody', (await import('./deployers/prosody/prosody.ts')).createProsodyDeployer),
    rabbitmq: async () =>
      deployer('rabbitmq', (await import('./deployers/rabbitmq/rabbitmq.ts')).createRabbitmqDeployer),
    redis: async () => deployer('redis', (await import('./deployers/redis/redis.ts')).createRedisDeployer),
    slapd: async () => deployer('slapd', (await import('./deployers/slapd/slapd.ts')).createSlapdDeployer),
    valkey: async () => deployer('valkey', (await import('./deployers/redis/redis.ts')).createValkeyDeployer),
    stunnel: async () =>
      deployer('stunnel', (await import('./deployers/stunnel/stunnel.ts')).createStunnelDeployer),
    systemd: async () =>
      deployer('systemd', (await import('./deployers/systemd/systemd.ts')).createSystemdDeployer),
    process: async () =>
      deployer('process', (await import('./deployers/process/process.ts')).createProcessDeployer),
    exec: async () => deployer('exec', (await import('./deployers/exec/exec.ts')).createExecDeployer),
    'restart-if-older': async () =>
      deployer(
        'restart-if-older',
        (await import('./deployers/restart-if-older/restart-if-older.ts')).createRestartIfOlderDeployer,
      ),
    container: async () =>
      deployer('container', (await import('./deployers/container/container.ts')).createContainerDeployer),
    ssh: async () => deployer('ssh', (await import('./deployers/ssh/ssh.ts')).createSshDeployer),
    kubernetes: async () =>
      deployer('kubernetes', (await import('./deployers/kubernetes/kubernetes.ts')).createKubernetesDeployer),
    vault: async () => deployer('vault', (await import('./deployers/vault/vault.ts')).createVaultDeployer),
    vsftpd: async () =>
      deployer('vsftpd', (await import('./deployers/vsftpd/vsftpd.ts')).createVsftpdDeployer),
  } satisfies Record<TargetKind, () => Promise<Create<Deployer>>>),
)

const installers: Registry<Installer> = new Map(
  Object.entries({
    apache: async () =>
      deployer('apache', (await import('./installers/apache/apache-installer.ts')).createApacheInstaller),
    nginx: async () =>
      deployer('nginx', (await import('./installers/nginx/nginx-installer.ts')).createNginxInstaller),
  } satisfies Partial<Record<TargetKind, () => Promise<Create<Installer>>>>),
)

const notifiers: Registry<Notifier> = new Map(
  Object.entries({
    email: async () => notifier('email', (await import('./notifiers/email.ts')).createEmailNotifier),
    webhook: async () => notifier('webhook', (await import('./notifiers/webhook.ts')).createWebhookNotifier),
    slack: async () => notifier('slack', (await import('./notifiers/slack.ts')).createSlackNotifier),
    matrix: async () => notifier('matrix', (await import('./notifiers/matrix.ts')).createMatrixNotifier),
    telegram: async () =>
      notifier('telegram', (await import('./notifiers/telegram.ts')).createTelegramNotifier),
    ntfy: async () => notifier('ntfy', (await import('./notifiers/ntfy.ts')).createNtfyNotifier),
    gotify: async () => notifier('gotify', (await import('./notifiers/gotify.ts')).createGotifyNotifier),
    pagerduty: async () =>
      notifier('pagerduty', (await import('./notifiers/pagerduty.ts')).createPagerdutyNotifier),
    syslog: async () => notifier('syslog', (await import('./notifiers/syslog.ts')).createSyslogNotifier),
    exec: async () => notifier('exec', (await import('./notifiers/exec.ts')).createExecNotifier),
  } satisfies Record<NotifierName, () => Promise<Create<Notifier>>>),
)

/**
 * A solver of that name.
 * @throws AppError ERR_CONFIG for an unknown name or wrong options
 */
export function createSolver(choice: PluginChoice, runtime: Runtime): Promise<Solver> {
  return create('solver', solvers, choice, runtime)
}

/**
 * A deployer of that name.
 * @throws AppError ERR_CONFIG for an unknown name or wrong options
 */
export function createDeployer(choice: PluginChoice, runtime: Runtime): Promise<Deployer> {
  return create('deployer', deployers, choice, runtime)
}

/** The servers whose configuration can be edited. */
export const installerNames: readonly string[] = [...installers.keys()]

/**
 * An installer for the server of that name; its options are those of the deployer.
 * @throws AppError ERR_CONFIG for an unknown name or wrong options
 */
export function createInstaller(choice: PluginChoice, runtime: Runtime): Promise<Installer> {
  return create('installer', installers, choice, runtime)
}

/**
 * A notifier of that name; its options as they stand in the configuration, secrets by reference.
 * @throws AppError ERR_CONFIG for an unknown name or wrong options
 */
export function createNotifier(choice: PluginChoice, runtime: Runtime): Promise<Notifier> {
  return create('notifier', notifiers, choice, runtime)
}

async function create<Plugin>(
  kind: string,
  registry: Registry<Plugin>,
  { name, options }: PluginChoice,
  runtime: Runtime,
): Promise<Plugin> {
  const load = registry.get(name)
  if (load !== undefined) return (await load())(options, runtime)
  const near = suggest(name, [...registry.keys()])
  throw new AppError('ERR_CONFIG', `there is no ${kind} "${name}"`, {
    hint: near === undefined ? `there are: ${[...registry.keys()].join(', ')}` : `did you mean ${near}?`,
  })
}

function notifier<Name extends NotifierName>(
  name: Name,
  create: (options: NotifierOptions<Name>, runtime: NotifierRuntime) => Notifier,
): Create<Notifier> {
  // The compiler does not see that the table has for every name the schema of that name's options.
  const schema = notifierOptions[name] as unknown as v.GenericSchema<unknown, NotifierOptions<Name>>
  return (options, runtime) => create(readOptions(name, schema, options), runtime)
}

function deployer<Kind extends TargetKind, Plugin = Deployer>(
  kind: Kind,
  create: (options: TargetOptions<Kind>, runtime: Runtime) => Plugin,
): Create<Plugin> {
  // As above.
  const schema = targetOptions[kind] as unknown as v.GenericSchema<unknown, TargetOptions<Kind>>
  return withOptions(kind, schema, create)
}

function withOptions<Options, Plugin>(
  name: string,
  schema: v.GenericSchema<unknown, Options>,
  create: (options: Options, runtime: Runtime) => Plugin,
): Create<Plugin> {
  return (options, runtime) => create(readOptions(name, schema, options), runtime)
}

function readOptions<Options>(
  name: string,
  schema: v.GenericSchema<unknown, Options>,
  options: PluginChoice['options'],
): Options {
  const parsed = parseWith(schema, options)
  if (parsed.ok) return parsed.value
  throw new AppError('ERR_CONFIG', `the options of ${name} have mistakes: ${describeIssues(parsed.issues)}`)
}
