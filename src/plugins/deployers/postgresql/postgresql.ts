/** PostgreSQL on this machine. */
import { AppError, isAppError } from '../../../base/errors.ts'
import { printable } from '../../../base/printable.ts'
import type { ClientOptions } from '../../../contracts/client-target.ts'
import type { Deployer } from '../../../contracts/deployer.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import { endOfPath } from '../server/file-trail.ts'
import { runOrFail } from '../server/run-program.ts'
import { createServerDeployer, type Server, type ServerRuntime, type ServerView } from '../server/server.ts'
import { findConfig, readConfig } from './config-files.ts'
import { isKeyTaken } from './key-access.ts'
import { type Answer, type Client, findSocket, query, usualUser } from './psql.ts'
import { hasTls, postgresqlPlace, type Settings, settingNames } from './settings.ts'

type PostgresqlRuntime = ServerRuntime & Pick<Runtime, 'environment'>

/**
 * Its settings, and what it finds wrong in its files now. What can only be changed by a restart is no mistake: such lines
 * are left alone by a reload.
 */
const question = `
SELECT 'setting', name, setting FROM pg_settings WHERE name IN (${settingNames.map(name => `'${name}'`).join(', ')})
UNION ALL
SELECT 'mistake', coalesce(f.sourcefile || ':' || f.sourceline || ' ', '') || coalesce(f.name, ''), f.error
FROM pg_file_settings f LEFT JOIN pg_settings s ON lower(s.name) = lower(f.name)
WHERE f.error IS NOT NULL AND s.context IS DISTINCT FROM 'postmaster'`

/** A deployer for one PostgreSQL. Its user cannot look into `live/`, and so it is given copies. */
export function createPostgresqlDeployer(options: ClientOptions, runtime: PostgresqlRuntime): Deployer {
  const server: Server = {
    name: 'postgresql',
    fresh: { owner: usualUser, group: usualUser },
    look: ({ signal }) => look({ options, runtime, signal }),
    activate: ({ signal }) => activate({ options, runtime, signal }),
  }
  return createServerDeployer(server, options, runtime)
}

async function look(client: Client): Promise<ServerView> {
  const answer = await query(question, client)
  if (answer.state === 'not-running') return await lookAtFiles(answer, client)
  const about = (kind: string) => answer.rows.filter(([first]) => first === kind)
  const mistakes = about('mistake').map(([, where = '', what = '']) => `${where}: ${what}`)
  if (mistakes.length > 0)
    throw new AppError(
      'ERR_DEPLOY_BROKEN_BEFORE',
      `PostgreSQL does not accept its present configuration: ${printable(mistakes.join('; '))}`,
      { hint: 'repair it, and see: SELECT * FROM pg_file_settings WHERE error IS NOT NULL' },
    )
  const settings = new Map(about('setting').map(([, name = '', value = '']) => [name, value]))
  return viewOf(settings, 'ssl_cert_file')
}

async function lookAtFiles(
  { text }: Extract<Answer, { state: 'not-running' }>,
  { options, runtime }: Client,
): Promise<ServerView> {
  const stopped = new AppError('ERR_DEPLOY', `PostgreSQL is not running: ${text}`, {
    hint: 'start it, for example: systemctl start postgresql; or say where it is with socket: DIRECTORY and port: NUMBER',
  })
  const file = options.config ?? (await findConfig(runtime))
  if (file === undefined)
    throw new AppError('ERR_DEPLOY_BROKEN_BEFORE', stopped.message, { hint: stopped.hint })
  const settings = await readConfig(file, runtime)
  return { ...viewOf(settings, `ssl_cert_file in ${printable(file)}`), stopped }
}

function viewOf(settings: Settings, source: string): ServerView {
  if (hasTls(settings)) return { places: [postgresqlPlace(settings, { source })] }
  throw new AppError('ERR_DEPLOY_UNUSED', 'PostgreSQL has TLS switched off', {
    hint: 'set ssl = on, ssl_cert_file and ssl_key_file in postgresql.conf, and reload it',
  })
}

async function activate(client: Client): Promise<void> {
  const { options, runtime, signal } = client
  const [program, ...args] = options.reload ?? []
  if (program !== undefined) {
    await runOrFail(program, args, runtime, { signal })
    return
  }
  for (const { keyFile } of (await look(client)).places) await refuseWrongOwner(keyFile, client)
  const answer = await ask(client)
  const [[done] = []] = answer.state === 'answered' ? answer.rows : []
  if (done === 't') return
  const why = answer.state === 'not-running' ? `: ${answer.text}` : ''
  throw new AppError('ERR_DEPLOY', `PostgreSQL was not made to read its files${why}`, {
    hint: 'see what its log says',
  })
}

/**
 * PostgreSQL goes on with what it has where it does not like owner or mode of the key, and says so in its log alone.
 * @throws AppError ERR_DEPLOY
 */
async function refuseWrongOwner(keyFile: string, { options, runtime }: Client): Promise<void> {
  const end = await endOfPath(keyFile, runtime)
  const facts = await runtime.files.facts(end)
  const owner = (await findSocket(options, runtime))?.owner
  if (facts === undefined || isKeyTaken(facts, owner)) return
  const { uid, mode } = facts
  throw new AppError(
    'ERR_DEPLOY',
    `PostgreSQL would not take the key ${printable(end)}, of user ${uid} with mode ${(mode & 0o777).toString(8).padStart(4, '0')}: it has to belong to the user that PostgreSQL runs as, and nobody else may read it; or to root, and its group may`,
    {
      hint:
        keyFile === end
          ? `chown ${owner?.uid ?? 'postgres'} ${printable(end)} && chmod 0600 ${printable(end)}`
          : `set ssl_cert_file and ssl_key_file to files of its own, which certwright writes then`,
    },
  )
}

async function ask(client: Client): Promise<Answer> {
  try {
    return await query('SELECT pg_reload_conf()', client)
  } catch (error) {
    if (!isAppError(error, 'ERR_DEPLOY_BROKEN_BEFORE')) throw error
    throw new AppError('ERR_DEPLOY', error.message, { hint: error.hint, cause: error })
  }
}
