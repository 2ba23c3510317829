/** MariaDB and MySQL on this machine. */
import { AppError, isAppError } from '../../../base/errors.ts'
import type { ClientOptions } from '../../../contracts/client-target.ts'
import type { Deployer } from '../../../contracts/deployer.ts'
import type { ExecResult } from '../../../runtime/exec.ts'
import { notRestarted } from '../server/not-restarted.ts'
import { requireOwnPeer } from '../server/peer.ts'
import { lastWords, runOrFail, runProgram } from '../server/run-program.ts'
import { createServerDeployer, type Server, type ServerView } from '../server/server.ts'
import { type Flavor, query, type Situation } from './client.ts'
import { isMariadb, mariadbPlace, parseHelp, parseRows, type Variables, variableNames } from './variables.ts'

const mariadb: Flavor = { name: 'mariadb', title: 'MariaDB', client: 'mariadb', program: 'mariadbd' }
const mysql: Flavor = { name: 'mysql', title: 'MySQL', client: 'mysql', program: 'mysqld' }

/** What both run as and where packages have the socket, where nobody says it. */
const usualUser = 'mysql'
const usualSocket = '/run/mysqld/mysqld.sock'
const usualPort = 3306

const question = `SHOW GLOBAL VARIABLES WHERE Variable_name IN (${variableNames.map(name => `'${name}'`).join(', ')})`

/** A deployer for one MariaDB. Its user cannot look into `live/`, and so it is given copies. */
export function createMariadbDeployer(options: ClientOptions, runtime: Situation['runtime']): Deployer {
  return create(mariadb, options, runtime)
}

/** A deployer for one MySQL: the same under its own names. */
export function createMysqlDeployer(options: ClientOptions, runtime: Situation['runtime']): Deployer {
  return create(mysql, options, runtime)
}

function create(flavor: Flavor, options: ClientOptions, runtime: Situation['runtime']): Deployer {
  const server: Server = {
    name: flavor.name,
    fresh: { owner: usualUser, group: usualUser },
    look: ({ signal }) => look({ flavor, options, runtime, signal }),
    activate: ({ signal }) => activate({ flavor, options, runtime, signal }),
  }
  return createServerDeployer(server, options, runtime)
}

async function look(situation: Situation): Promise<ServerView> {
  const { title, name } = situation.flavor
  const configured = await testFiles(situation)
  const planned = configured && mariadbPlace(configured, { source: 'ssl_cert in its files' })
  const answer = await query(question, await reached(configured, situation))
  if (answer.state === 'not-running') {
    const hint = `start it, for example: systemctl start ${name}; or say where it is with socket: PATH`
    const stopped = new AppError('ERR_DEPLOY', `${title} is not running: ${answer.text}`, { hint })
    if (planned !== undefined) return { places: [planned], stopped }
    throw new AppError('ERR_DEPLOY_BROKEN_BEFORE', stopped.message, { hint })
  }
  const place = mariadbPlace(parseRows(answer.text), { source: 'ssl_cert' })
  if (place !== undefined) return { places: [place] }
  if (planned !== undefined) return { places: [planned], stopped: notRestarted(title, name) }
  throw new AppError('ERR_DEPLOY_UNUSED', `${title} is configured to read no certificate`, {
    hint: 'set ssl_cert and ssl_key in the section [mysqld] of its configuration, have the files written by certwright apply, and restart it once',
  })
}

/**
 * The same, with the socket that its files name where none is in the target: the client has an opinion of its own.
 * @throws AppError ERR_DEPLOY_BROKEN_BEFORE where somebody else answers
 */
async function reached(configured: Variables | undefined, situation: Situation): Promise<Situation> {
  const { options, runtime, signal } = situation
  const user = options.owner ?? usualUser
  if (options.host !== undefined) {
    await requireOwnPeer({ port: options.port ?? usualPort }, { user, signal }, runtime)
    return situation
  }
  const socket = options.socket ?? (configured?.get('socket') || usualSocket)
  await requireOwnPeer({ socket }, { user, signal }, runtime)
  return { ...situation, options: { ...options, socket } }
}

/**
 * Lets the server's program read its files: a running server does not need them any more, but would not start again.
 * @returns what they say, or `undefined` where the program is not on this machine
 */
async function testFiles({ flavor, options, runtime, signal }: Situation): Promise<Variables | undefined> {
  const { title, program } = flavor
  const files = options.config === undefined ? [] : [`--defaults-file=${options.config}`]
  const help = () =>
    runProgram(options.program ?? program, [...files, '--verbose', '--help'], runtime, { signal })
  const result = options.program === undefined ? await whereFound(help) : await help()
  if (result === undefined) return undefined
  if (result.exitCode === 0) return parseHelp(result.stdout)
  throw new AppError(
    'ERR_DEPLOY_BROKEN_BEFORE',
    `${title} does not accept its present configuration: ${lastWords(result)}`,
    { hint: `repair it, and see what "${[program, ...files].join(' ')} --verbose --help" says` },
  )
}

async function whereFound(run: () => Promise<ExecResult>): Promise<ExecResult | undefined> {
  try {
    return await run()
  } catch (error) {
    if (isAppError(error, 'ERR_DEPLOY')) return undefined // it may run in a container
    throw error
  }
}

async function activate(situation: Situation): Promise<void> {
  const { options, runtime, signal, flavor } = situation
  const [program, ...args] = options.reload ?? []
  if (program !== undefined) {
    await runOrFail(program, args, runtime, { signal })
    return
  }
  const reach = await reached(await testFiles(situation), situation)
  const variables = await query(question, reach)
  const isMaria = variables.state === 'answered' && isMariadb(parseRows(variables.text))
  // LOCAL, because replicas have certificates of their own.
  const done = await query(isMaria ? 'FLUSH LOCAL SSL' : 'ALTER INSTANCE RELOAD TLS', reach)
  if (done.state === 'answered') return
  throw new AppError('ERR_DEPLOY', `${flavor.title} was not made to read its files: ${done.text}`, {
    hint: 'see whether it runs, and what its log says',
  })
}
