/** RabbitMQ on this machine. */
import { AppError } from '../../../base/errors.ts'
import { printable } from '../../../base/printable.ts'
import type { Deployer } from '../../../contracts/deployer.ts'
import type { ServerOptions } from '../../../contracts/server-target.ts'
import { notRestarted } from '../server/not-restarted.ts'
import { readText } from '../server/read-text.ts'
import { lastWords, runOrFail, runProgram } from '../server/run-program.ts'
import { createServerDeployer, type Server, type ServerRuntime, type ServerView } from '../server/server.ts'
import { listenersExpression, parseConfig, parseListeners } from './listeners.ts'

type Situation = {
  readonly options: ServerOptions
  readonly runtime: ServerRuntime
  readonly signal: AbortSignal
}
type Answer =
  | { readonly state: 'answered'; readonly text: string }
  | { readonly state: 'not-running'; readonly text: string }

const usualConfig = '/etc/rabbitmq/rabbitmq.conf'
/** What `rabbitmqctl` finds out about a node that it does not reach: nobody knows it, or nobody there knows nodes. */
const nobodyThere = /not running at all|unable to connect to epmd/
/** What it tells to read. */
const idleSuggestion = /suggestion: see /

/** A deployer for the RabbitMQ node of this machine. Its user cannot look into `live/`, and so it is given copies. */
export function createRabbitmqDeployer(options: ServerOptions, runtime: ServerRuntime): Deployer {
  const server: Server = {
    name: 'rabbitmq',
    fresh: { owner: 'rabbitmq', group: 'rabbitmq' },
    look: ({ signal }) => look({ options, runtime, signal }),
    activate: ({ signal }) => activate({ options, runtime, signal }),
  }
  return createServerDeployer(server, options, runtime)
}

async function look(situation: Situation): Promise<ServerView> {
  const answer = await evaluate(listenersExpression, 'ERR_DEPLOY_BROKEN_BEFORE', situation)
  const places = answer.state === 'answered' ? parseListeners(answer.text) : []
  if (places.length > 0) return { places }
  const { options, runtime } = situation
  const file = options.config ?? usualConfig
  const planned = parseConfig((await readText(file, runtime)) ?? '', printable(file))
  if (answer.state === 'not-running') {
    const hint = 'start it, for example: systemctl start rabbitmq-server'
    const stopped = new AppError('ERR_DEPLOY', `RabbitMQ is not running: ${answer.text}`, { hint })
    if (planned.length > 0) return { places: planned, stopped }
    throw new AppError('ERR_DEPLOY_BROKEN_BEFORE', stopped.message, { hint })
  }
  if (planned.length > 0) return { places: planned, stopped: notRestarted('RabbitMQ', 'rabbitmq-server') }
  throw new AppError('ERR_DEPLOY_UNUSED', 'RabbitMQ has no listener with TLS', {
    hint: `set listeners.ssl.default, ssl_options.certfile and ssl_options.keyfile in ${printable(file)}, have the files written by certwright apply, and restart it once`,
  })
}

async function activate(situation: Situation): Promise<void> {
  const { options, runtime, signal } = situation
  const [program, ...args] = options.reload ?? []
  if (program !== undefined) {
    await runOrFail(program, args, runtime, { signal })
    return
  }
  // It reads files for each connection, but keeps what it has read for two minutes.
  const answer = await evaluate('ssl:clear_pem_cache().', 'ERR_DEPLOY', situation)
  if (answer.state === 'answered') return
  throw new AppError('ERR_DEPLOY', `RabbitMQ was not made to read its files: ${answer.text}`, {
    hint: 'see whether it runs, and what its log says',
  })
}

/** Has the node evaluate an expression. */
async function evaluate(
  expression: string,
  code: 'ERR_DEPLOY' | 'ERR_DEPLOY_BROKEN_BEFORE',
  { options, runtime, signal }: Situation,
): Promise<Answer> {
  const program = options.program ?? 'rabbitmqctl'
  const result = await runProgram(program, ['-q', 'eval', expression], runtime, { signal })
  if (result.exitCode === 0) return { state: 'answered', text: result.stdout }
  const findings = result.stderr
    .split('\n')
    .filter(line => /^\s+\* /.test(line) && !idleSuggestion.test(line))
    .map(line => line.replace(/^\s+\* /, '').trim())
  const diagnosis = findings.slice(findings.findIndex(line => line.includes('epmd')))
  const said = result.stderr.includes('DIAGNOSTICS') ? printable(diagnosis.join('; ')) : lastWords(result)
  if (nobodyThere.test(said)) return { state: 'not-running', text: said }
  throw new AppError(code, `RabbitMQ refuses to be asked: ${said}`, {
    hint: `run this as root, or as a user with the Erlang cookie of RabbitMQ; "${printable(program)} status" has to answer`,
  })
}
