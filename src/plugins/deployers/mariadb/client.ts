/** Asking MariaDB and MySQL as a client: their own, which knows every way to log in and the files that say how. */
import { AppError } from '../../../base/errors.ts'
import { printable } from '../../../base/printable.ts'
import type { ClientOptions } from '../../../contracts/client-target.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import { passwordIn } from '../server/password.ts'
import { lastWords, runProgram } from '../server/run-program.ts'
import type { ServerRuntime } from '../server/server.ts'

/** The two, which are told apart by their names only. */
export type Flavor = {
  readonly name: 'mariadb' | 'mysql'
  readonly title: string
  readonly client: string
  readonly program: string
}

export type Situation = {
  readonly flavor: Flavor
  readonly options: ClientOptions
  readonly runtime: ServerRuntime & Pick<Runtime, 'environment'>
  readonly signal: AbortSignal
}

/** What was printed, or why nobody was there. */
export type Answer =
  | { readonly state: 'answered'; readonly text: string }
  | { readonly state: 'not-running'; readonly text: string }

/** Cannot connect: through a socket, to a host. */
const nobodyThere = /^ERROR (2002|2003) /m

/**
 * Runs one statement.
 * @throws AppError ERR_DEPLOY with what was said, and with the commands that give a right that is missing
 */
export async function query(
  statement: string,
  { flavor, options, runtime, signal }: Situation,
): Promise<Answer> {
  const args = [
    ...['--batch', '--raw', '--skip-column-names'],
    ...(options.socket === undefined ? [] : [`--socket=${options.socket}`]),
    // `localhost` would be the socket.
    ...(options.host === undefined ? [] : [`--host=${options.host}`, '--protocol=tcp']),
    ...(options.port === undefined ? [] : [`--port=${options.port}`]),
    ...(options.user === undefined ? [] : [`--user=${options.user}`]),
    `--execute=${statement}`,
  ]
  const env = await passwordIn('MYSQL_PWD', options, runtime)
  const result = await runProgram(flavor.client, args, runtime, { signal, ...env })
  if (result.exitCode === 0) return { state: 'answered', text: result.stdout }
  // Before its error it repeats the statement.
  const [error] = /^ERROR .*$/m.exec(result.stderr) ?? []
  const said = error === undefined ? lastWords(result) : printable(error)
  if (nobodyThere.test(result.stderr)) return { state: 'not-running', text: said }
  throw new AppError('ERR_DEPLOY', `${flavor.title} refuses: ${said}`, {
    hint: hintFor(said, flavor, options),
  })
}

function hintFor(said: string, flavor: Flavor, options: ClientOptions): string {
  // Access denied for a user, by whatever way to log in, or for an operation.
  if (/ERROR (1045|1227|1698) /.test(said)) return rights(flavor, options)
  if (/ERROR 1105 /.test(said))
    return 'have the user that it runs as read certificate and key, and search the directories above: see owner, group and mode of the target'
  return `see what the log of ${flavor.title} says`
}

function rights({ name }: Flavor, { user = 'certwright' }: ClientOptions): string {
  const account = `'${user.replaceAll("'", "''")}'@'localhost'`
  const [way, right] =
    name === 'mariadb' ? ['VIA unix_socket', 'RELOAD'] : ['WITH auth_socket', 'CONNECTION_ADMIN']
  return `log in as root, or: CREATE USER ${account} IDENTIFIED ${way}; GRANT ${right} ON *.* TO ${account}`
}
