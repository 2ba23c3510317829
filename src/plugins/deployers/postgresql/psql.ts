/** Asking PostgreSQL as a client: `psql`, which knows every way to log in. */
import { AppError } from '../../../base/errors.ts'
import { printable } from '../../../base/printable.ts'
import type { ClientOptions } from '../../../contracts/client-target.ts'
import type { ExecOptions } from '../../../runtime/exec.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import { passwordIn } from '../server/password.ts'
import { requireOwnPeer } from '../server/peer.ts'
import { lastWords, runProgram } from '../server/run-program.ts'

export type Client = {
  readonly options: ClientOptions
  readonly runtime: Pick<Runtime, 'environment' | 'exec' | 'files'>
  readonly signal: AbortSignal
}

/** What was answered, or why nobody was there. */
export type Answer =
  | { readonly state: 'answered'; readonly rows: readonly (readonly string[])[] }
  | { readonly state: 'not-running'; readonly text: string }

type Socket = {
  readonly directory: string
  readonly path: string
  /** Where it is there. */
  readonly owner: ExecOptions['user'] | undefined
}

/** Where packages have the socket. Not in `/tmp`, where PostgreSQL itself would have it, and everybody else. */
const usualDirectory = '/var/run/postgresql'
/** Who it runs as, where nobody says it. */
export const usualUser = 'postgres'
const usualPort = 5432
/** What the library says that speaks to the server, in the language C. */
const nobodyThere = /No such file or directory|Connection refused/

/**
 * Runs one statement.
 * @throws AppError ERR_DEPLOY_BROKEN_BEFORE where somebody else answers, or PostgreSQL refuses it, with the commands that give the right
 */
export async function query(statement: string, client: Client): Promise<Answer> {
  const { options, runtime, signal } = client
  const socket = await findSocket(options, runtime)
  const port = options.port ?? usualPort
  const peer = socket === undefined ? { port } : { socket: socket.path }
  await requireOwnPeer(peer, { user: options.owner ?? usualUser, signal }, runtime)
  const host = socket?.directory ?? options.host
  const args = [
    // No file with settings of a person, bare rows with tabs, and never a question for a password.
    ...['-X', '-A', '-t', '-q', '-w', '-F', '\t', '-v', 'ON_ERROR_STOP=1'],
    ...['-d', 'postgres', '-p', String(port)],
    ...(host === undefined ? [] : ['-h', host]),
    ...(options.user === undefined ? [] : ['-U', options.user]),
    ...['-c', statement],
  ]
  const result = await runProgram(options.program ?? 'psql', args, runtime, {
    signal,
    ...(await passwordIn('PGPASSWORD', options, runtime)),
    // By a socket PostgreSQL knows who asks: root asks as the user that PostgreSQL runs as, who is its superuser.
    ...(socket?.owner !== undefined && { user: socket.owner }),
  })
  if (result.exitCode === 0) return { state: 'answered', rows: parseRows(result.stdout) }
  const said = lastWords(result)
  if (result.exitCode === 2 && nobodyThere.test(said)) return { state: 'not-running', text: said }
  throw new AppError('ERR_DEPLOY_BROKEN_BEFORE', `PostgreSQL refuses to be asked: ${said}`, {
    hint: `log in as a superuser, or give ${printable(options.user ?? 'the user that runs certwright')} what it needs: ${grants(options)}`,
  })
}

/** What a user needs that is no superuser, as SQL. */
function grants({ user = 'certwright' }: ClientOptions): string {
  const role = `"${printable(user).replaceAll('"', '""')}"`
  return [
    `CREATE ROLE ${role} LOGIN`,
    `GRANT pg_read_all_settings TO ${role}`,
    `GRANT SELECT ON pg_file_settings TO ${role}`,
    `GRANT EXECUTE ON FUNCTION pg_show_all_file_settings(), pg_reload_conf() TO ${role}`,
  ].join('; ')
}

/** The socket, and who runs the server; `undefined` where it is asked over the network. */
export async function findSocket(
  { socket: directory = usualDirectory, host, port = usualPort }: ClientOptions,
  { files }: Pick<Runtime, 'files'>,
): Promise<Socket | undefined> {
  if (host !== undefined) return undefined
  const path = `${directory}/.s.PGSQL.${port}`
  const facts = await files.facts(path)
  return { directory, path, owner: facts && { uid: facts.uid, gid: facts.gid } }
}

function parseRows(text: string): readonly (readonly string[])[] {
  return text
    .split('\n')
    .filter(line => line !== '')
    .map(line => line.split('\t'))
}
