/** The built-in plugins by name; each is loaded when it is used. */
import { AppError } from '../base/errors.ts'
import { describeIssues, parseWith, type v } from '../base/schema.ts'
import { suggest } from '../base/suggest.ts'
import type { Deployer } from '../contracts/deployer.ts'
import type { Json, Solver } from '../contracts/solver.ts'
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

const deployers: Registry<Deployer> = new Map([
  [
    'nginx',
    async () => {
      const { createNginxDeployer, nginxDeployerOptions } = await import('./deployers/nginx/nginx.ts')
      return withOptions('nginx', nginxDeployerOptions, createNginxDeployer)
    },
  ],
])

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

function withOptions<Options, Plugin>(
  name: string,
  schema: v.GenericSchema<unknown, Options>,
  create: (options: Options, runtime: Runtime) => Plugin,
): Create<Plugin> {
  return (options, runtime) => {
    const parsed = parseWith(schema, options)
    if (parsed.ok) return create(parsed.value, runtime)
    throw new AppError('ERR_CONFIG', `the options of ${name} have mistakes: ${describeIssues(parsed.issues)}`)
  }
}
