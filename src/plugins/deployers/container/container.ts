/** A server in a container: told by the client program of docker or podman. */
import { AppError, isAppError } from '../../../base/errors.ts'
import { secondMs } from '../../../base/instant.ts'
import { printable } from '../../../base/printable.ts'
import type { Deployer } from '../../../contracts/deployer.ts'
import type { TargetOptions } from '../../../contracts/target-options.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import { describeEnding, lastWords, runProgram } from '../server/run-program.ts'
import { createServiceDeployer, obstacleOf, type ServiceRuntime } from '../service.ts'

type Target = TargetOptions<'container'>
type Options = { readonly signal: AbortSignal }
type Container = { readonly id: string; readonly name: string }

const askTimeoutMs = 30 * secondMs
/** A container is given ten seconds to stop before it is killed, and then it starts. */
const restartTimeoutMs = 120 * secondMs

/** A deployer for the containers of one name or label. */
export function createContainerDeployer(target: Target, runtime: ServiceRuntime): Deployer {
  return createServiceDeployer(
    'container',
    target,
    {
      source: `container ${wanted(target)}`,
      obstacle: async options => {
        try {
          await findContainers(target, await clientOf(target, options, runtime), options, runtime)
          return undefined
        } catch (error) {
          return obstacleOf(error)
        }
      },
      activate: async options => {
        const client = await clientOf(target, options, runtime)
        for (const container of await findContainers(target, client, options, runtime))
          await tell(target, container, client, options, runtime)
      },
    },
    runtime,
  )
}

/** The client program: the configured one, else the first of the two that is there. */
async function clientOf(
  { runtime: configured }: Target,
  { signal }: Options,
  { exec }: Pick<Runtime, 'exec'>,
): Promise<string> {
  if (configured !== undefined) return configured
  for (const client of ['docker', 'podman']) {
    try {
      await exec(client, ['--version'], { timeoutMs: askTimeoutMs, signal })
      return client
    } catch (error) {
      if (!isAppError(error, 'ERR_EXEC')) throw error
    }
  }
  throw new AppError('ERR_DEPLOY', 'there is neither docker nor podman on this machine', {
    hint: 'install the client program, or give its path in runtime; inside a container, use process or exec',
    lasting: true,
  })
}

/** The running containers that are meant; at least one. */
async function findContainers(
  target: Target,
  client: string,
  { signal }: Options,
  { exec }: Pick<Runtime, 'exec'>,
): Promise<readonly Container[]> {
  const { name, label } = target
  const filter = name === undefined ? `label=${label}` : `name=^/?${escaped(name)}$`
  const format = '{{.ID}} {{.Names}}'
  const args = ['ps', '--no-trunc', '--filter', filter, '--format', format]
  const result = await runProgram(client, args, { exec }, { timeoutMs: askTimeoutMs, signal })
  if (result.exitCode !== 0) {
    throw new AppError('ERR_DEPLOY', `"${client} ps" ${describeEnding(result)}`, {
      hint: hintFor(lastWords(result), client),
    })
  }
  const found = result.stdout.split('\n').flatMap(line => {
    const [id, ...names] = line.trim().split(/[ ,]+/)
    return id === undefined || id === '' ? [] : [{ id, name: names[0] ?? id }]
  })
  if (found.length > 0) return found
  throw new AppError('ERR_DEPLOY', `no container with the ${wanted(target)} is running`, {
    hint: `see what is: ${client} ps --all`,
  })
}

async function tell(
  { exec: inside, signal: name }: Target,
  container: Container,
  client: string,
  { signal }: Options,
  runtime: Pick<Runtime, 'exec'>,
): Promise<void> {
  const command =
    inside !== undefined
      ? ['exec', container.id, ...inside]
      : name !== undefined
        ? ['kill', '--signal', name, container.id]
        : ['restart', container.id]
  const result = await runProgram(client, command, runtime, { timeoutMs: restartTimeoutMs, signal })
  if (result.exitCode === 0) return
  const what = inside === undefined ? (command[0] ?? '') : printable(inside.join(' '), 200)
  throw new AppError('ERR_DEPLOY', `${printable(container.name)}: "${what}" ${describeEnding(result)}`, {
    hint: `run it by hand, and see: ${client} logs ${printable(container.name)}`,
  })
}

function wanted({ name, label }: Target): string {
  return name === undefined ? `label ${label}` : `name ${name}`
}

/** For the regular expression that both clients make of the filter. */
function escaped(name: string): string {
  return name.replaceAll(/[.+*?()[\]{}|^$\\]/g, '\\$&')
}

function hintFor(said: string, client: string): string {
  if (/permission denied/i.test(said))
    return 'run certwright as root, or as a member of the group of its socket'
  if (/cannot connect|is the .* running/i.test(said)) return `start it: ${client} does not answer`
  return `run it by hand: ${client} ps`
}
