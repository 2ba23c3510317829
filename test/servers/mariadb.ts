/** The real MariaDB, with everything it reads and writes in a directory of its own. */
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../support/ports.ts'
import { requireProgram, runProgram, startProgram } from '../support/programs.ts'
import { giveTo, ownerFor, serviceUser } from '../support/service-user.ts'
import type { RunningServer, Setup } from './server-case.ts'

/** Starts MariaDB in the foreground, as its own user where tests run as root. */
export async function startMariadb(setup: Setup): Promise<RunningServer> {
  const { directory, certificateFile, keyFile } = setup
  const user = await serviceUser('mysql')
  const content = join(directory, 'data')
  await mkdir(content, { mode: 0o755 })
  await giveTo(user, content, keyFile)
  const port = await freePort()
  const [config, socket] = [join(directory, 'my.cnf'), join(content, 'server.sock')]
  await writeFile(
    config,
    `[mysqld]
datadir = ${content}
socket = ${socket}
pid_file = ${content}/server.pid
port = ${port}
bind_address = 127.0.0.1
ssl_cert = ${certificateFile}
ssl_key = ${keyFile}
innodb_buffer_pool_size = 8M
innodb_log_file_size = 4M
innodb_flush_method = nosync
performance_schema = off
`,
  )
  await chmod(config, 0o644)
  const made = await runProgram(
    requireProgram('mariadb-install-db'),
    [
      ...[`--defaults-file=${config}`, '--skip-test-db', '--skip-name-resolve'],
      ...['--auth-root-authentication-method=socket', `--auth-root-socket-user=${userInfo().username}`],
    ],
    { user, cwd: '/' },
  )
  if (made.exitCode !== 0) throw new Error(`mariadb-install-db: ${made.stdout}${made.stderr}`)
  const args = [`--defaults-file=${config}`]
  const program = await startProgram(requireProgram('mariadbd'), args, { user, cwd: '/', stopMs: 20_000 })
  await program.waitForOutput(/ready for connections/, { timeoutMs: 60_000 })
  return {
    options: { config, socket, ...ownerFor(user), user: userInfo().username },
    places: [{ port, startTls: 'mysql' }],
    breakConfiguration: async () => {
      const text = await readFile(config, 'utf8')
      await writeFile(config, `${text}no_such_setting = 1\n`)
      return () => writeFile(config, text)
    },
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  }
}
