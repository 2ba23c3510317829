/** The pieces that commands share: the configuration that was loaded, and a manager with the built-in plugins. */
import { AppError, messageOf } from '../base/errors.ts'
import { printable } from '../base/printable.ts'
import { suggest } from '../base/suggest.ts'
import { type AcmeClient, createAcmeClient } from '../client/client.ts'
import type { Deployer } from '../contracts/deployer.ts'
import type { Solver } from '../contracts/solver.ts'
import { createMeter, type Meter } from '../daemon/metrics/meter.ts'
import { loadConfig } from '../manage/config/load.ts'
import type { OnEvent } from '../manage/events.ts'
import { createManager, type Manager } from '../manage/manager.ts'
import type { Recollection } from '../manage/recollection.ts'
import {
  type AccountSettings,
  type Authority,
  type CertificateSpec,
  type Config,
  type DeployTarget,
  type SolverChoice,
} from '../manage/spec.ts'
import { createDeployer, createSolver } from '../plugins/registry.ts'
import { nodeRuntime } from '../runtime/node/runtime.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { CommandContext } from './command.ts'
import { version } from './version.ts'

/** A manager with what it holds open: listeners, an embedded CA. */
export type Workbench = AsyncDisposable & {
  readonly config: Config
  readonly manager: Manager
  /** What was measured of its work so far. */
  readonly meter: Meter
  readonly runtime: Runtime
  readonly clientFor: (authority: Authority) => Promise<AcmeClient>
  readonly solverFor: (choice: SolverChoice) => Promise<Solver>
  readonly deployerFor: (target: DeployTarget) => Promise<Deployer>
}

/** Reads the configuration as the command line overrides it. */
export function loadCommandConfig({ place, authority, runtime }: CommandContext): Promise<Config> {
  return loadConfig(place, { authority }, runtime)
}

/** The configuration with changed account settings, those that an authority has of its own included. */
export function withAccountSettings(
  config: Config,
  change: (settings: AccountSettings) => AccountSettings,
): Config {
  const changed = (authority: Authority): Authority =>
    authority.account === undefined ? authority : { ...authority, account: change(authority.account) }
  return {
    ...config,
    account: change(config.account),
    authority: changed(config.authority),
    authorities: config.authorities.map(changed),
    certificates: config.certificates.map(spec => ({
      ...spec,
      authority: changed(spec.authority),
      fallbacks: spec.fallbacks.map(changed),
    })),
  }
}

export type WorkbenchOptions = {
  /** Measures what it does; one of its own when absent. */
  readonly meter?: Meter
  /** Of a process that opens one workbench after the other. */
  readonly recollection?: Recollection
}

/** A manager for a configuration. Nothing is opened before it is needed. */
export function createWorkbench(
  context: CommandContext,
  config: Config,
  { meter = createMeter(context.runtime), recollection }: WorkbenchOptions = {},
): Workbench {
  const unmeasured =
    config.resolvers.length === 0 ? context.runtime : nodeRuntime({ dnsServers: config.resolvers })
  const runtime = { ...unmeasured, probeTls: meter.probeTls(unmeasured.probeTls) }
  const held: AsyncDisposable[] = []
  const clients = new Map<string, Promise<AcmeClient>>()
  const solvers = new Map<string, Promise<Solver>>()

  // One client for one way to a CA: entries may trust different roots on the way to the same one.
  const clientFor = (authority: Authority) =>
    remember(clients, JSON.stringify([authority.directory, authority.trustFile]), async () => {
      if (authority.directory === 'embedded') {
        const { startEmbeddedAuthority } = await import('./embedded-authority.ts')
        const embedded = await startEmbeddedAuthority(context.state, runtime, challengePort(config))
        held.push(embedded)
        return createAcmeClient(
          { directory: embedded.directory, trustPem: embedded.trustPem, userAgent },
          { ...runtime, http: meter.http(authority.id, runtime.http) },
        )
      }
      const trustPem =
        authority.trustFile === undefined ? undefined : await readTrust(authority.trustFile, runtime)
      return createAcmeClient(
        { directory: authority.directory, userAgent, ...(trustPem !== undefined && { trustPem }) },
        { ...runtime, http: meter.http(authority.id, runtime.http) },
      )
    })
  // One solver for equal choices, so that certificates share the listener on port 80.
  const solverFor = (choice: SolverChoice) =>
    remember(solvers, JSON.stringify(choice), () => createSolver(choice, runtime))
  const deployerFor = (target: DeployTarget) => createDeployer(target, runtime)
  const onEvent: OnEvent = event => {
    meter.onEvent(event)
    context.onEvent(event)
  }
  const manager = createManager(
    {
      ...{ state: context.state, config, clientFor, solverFor, deployerFor, onEvent },
      ...(recollection !== undefined && { recollection }),
    },
    runtime,
  )
  return {
    config,
    manager,
    meter,
    runtime,
    clientFor,
    solverFor,
    deployerFor,
    [Symbol.asyncDispose]: async () => {
      for (const one of held.reverse()) await one[Symbol.asyncDispose]()
    },
  }
}

/** Where the embedded CA looks for http-01: at the port that an entry names, where one does. */
function challengePort({ certificates }: Config): { readonly httpPort?: number } {
  const rules = certificates.flatMap(({ solvers }) => solvers)
  const [httpPort] = rules.flatMap(({ options: { httpPort: port } }) =>
    typeof port === 'number' ? port : [],
  )
  return httpPort === undefined ? {} : { httpPort }
}

/**
 * The certificate of that name.
 * @throws AppError ERR_NOT_FOUND with the nearest name
 */
export function findSpec({ certificates }: Config, name: string): CertificateSpec {
  const found = certificates.find(spec => spec.name === name)
  if (found !== undefined) return found
  const near = suggest(
    name,
    certificates.map(spec => spec.name),
  )
  throw new AppError(
    'ERR_NOT_FOUND',
    `there is no certificate "${printable(name, 80)}" in the configuration`,
    {
      hint: near === undefined ? 'certwright status lists them' : `did you mean ${near}?`,
    },
  )
}

const userAgent = `certwright/${version}`

async function readTrust(path: string, { files }: Pick<Runtime, 'files'>): Promise<string> {
  const refuse = (what: string, cause?: unknown) =>
    new AppError('ERR_CONFIG_READ', what, {
      cause,
      hint: 'trust: (or --trust FILE) takes a PEM file with the roots of the directory’s own TLS certificate',
    })
  const content = await files.read(path).catch(error => {
    throw refuse(`cannot read the trusted roots in ${path}: ${messageOf(error)}`, error)
  })
  if (content === undefined) throw refuse(`there is no file ${path} with trusted roots`)
  const text = new TextDecoder().decode(content)
  // TLS would take a file without any certificate for an empty list of roots, and say only that nothing is trusted.
  if (!/-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----/.test(text))
    throw refuse(`${path} holds no certificate`)
  return text
}

async function remember<T>(cache: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const known = cache.get(key)
  if (known !== undefined) return known
  const made = make()
  cache.set(key, made)
  made.catch(() => cache.delete(key))
  return made
}
