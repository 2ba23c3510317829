/** The real PostgreSQL, with everything it reads and writes in a directory of its own. */
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from '../support/ports.ts'
import { findProgram, runProgram, startProgram } from '../support/programs.ts'
import { giveTo, ownerFor, serviceUser } from '../support/service-user.ts'
import { until } from '../support/wait.ts'
import type { RunningServer, Setup } from './server-case.ts'

const versions = '/usr/lib/postgresql'

/** A program that packages keep in a directory of each version. */
async function programOf(name: string): Promise<string> {
  const found = (await readdir(versions).catch(() => []))
    .sort((one, other) => Number(other) - Number(one))
    .map(version => findProgram(join(versions, version, 'bin', name)))
    .find(path => path !== undefined)
  if (found === undefined) throw new Error(`${name} is not installed: run tools/install-test-servers`)
  return found
}

/** Starts PostgreSQL in the foreground, as its own user where tests run as root. */
export async function startPostgresql(setup: Setup): Promise<RunningServer> {
  const { directory, certificateFile, keyFile } = setup
  const user = await serviceUser('postgres')
  const cluster = join(directory, 'cluster')
  await mkdir(cluster, { mode: 0o700 })
  await giveTo(user, cluster, keyFile)
  const make = ['-D', cluster, '-A', 'peer', '--auth-host', 'reject', '--no-sync', '-U', user.name]
  const made = await runProgram(await programOf('initdb'), make, { user, cwd: '/' })
  if (made.exitCode !== 0) throw new Error(`initdb: ${made.stdout}${made.stderr}`)
  const port = await freePort()
  const config = join(cluster, 'postgresql.conf')
  await writeFile(
    config,
    `listen_addresses = '127.0.0.1'
port = ${port}
unix_socket_directories = '${cluster}'
ssl = on
ssl_cert_file = '${certificateFile}'
ssl_key_file = '${keyFile}'
max_connections = 8
shared_buffers = 1MB
fsync = off
`,
  )
  await chmod(config, 0o644)
  const postgres = await programOf('postgres')
  const program = await startProgram(postgres, ['-D', cluster], { user, cwd: '/', stopMs: 10_000 })
  await until('PostgreSQL to run', async () => {
    if (program.hasEnded()) throw new Error(`PostgreSQL ended: ${program.output()}`)
    const status = await readFile(join(cluster, 'postmaster.pid'), 'utf8').catch(() => '')
    return /^ready *$/m.test(status) || undefined
  })
  return {
    options: { socket: cluster, port, config, ...ownerFor(user) },
    places: [{ port, startTls: 'postgres' }],
    breakConfiguration: async () => {
      const text = await readFile(config, 'utf8')
      await writeFile(config, `${text}no_such_setting = 1\n`)
      return () => writeFile(config, text)
    },
    async [Symbol.asyncDispose]() {
      program.signal('SIGINT') // with SIGTERM it would wait until every client has gone
      await program[Symbol.asyncDispose]()
    },
  }
}
