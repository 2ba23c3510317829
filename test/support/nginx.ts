/** The real nginx, with everything it reads and writes in a directory of its own. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Finished, requireProgram, runProgram, startProgram } from './programs.ts'
import { tempDirectory } from './temp-directory.ts'
import { until } from './wait.ts'

export type NginxOptions = {
  /** What stands in the `http` block: `server { … }` blocks, listening on free loopback ports. */
  readonly serverBlocks: string
  /** The account of the workers when started as root; root by default, so that they can read temporary directories. */
  readonly user?: string
  /** The complete environment of the server; that of `startProgram` by default. */
  readonly env?: Readonly<Record<string, string>>
}

export type Nginx = AsyncDisposable & {
  readonly pid: number
  /** Absolute; everything below it is this server's. */
  readonly directory: string
  /** The main configuration; it includes `sites/*.conf`. */
  readonly configFile: string
  /** Where `serverBlocks` went. */
  readonly siteFile: string
  readonly program: string
  /** What makes the program act on this server: add `-t`, `-T` or `-s reload`. */
  readonly args: readonly string[]
  /** Runs `nginx -t`. */
  test(): Promise<Finished>
  /** Replaces the server blocks, without a reload. */
  writeSite(serverBlocks: string): Promise<void>
  /**
   * Makes nginx read its configuration and waits until new workers are there and the old ones are gone.
   * @throws when the configuration is refused
   */
  reload(): Promise<void>
  errorLog(): Promise<string>
  accessLog(): Promise<string>
}

/** Starts nginx in the foreground, as root or as a normal user, and waits until it listens. */
export async function startNginx({ serverBlocks, user = 'root', env }: NginxOptions): Promise<Nginx> {
  await using started = new AsyncDisposableStack()
  const { path: directory } = started.use(await tempDirectory())
  const program = requireProgram('nginx')
  const configFile = join(directory, 'nginx.conf')
  const siteFile = join(directory, 'sites', 'default.conf')
  const pidFile = join(directory, 'nginx.pid')
  for (const name of ['sites', 'logs', 'temp']) await mkdir(join(directory, name))
  await writeFile(configFile, mainConfig(directory, user))
  await writeFile(siteFile, serverBlocks)

  // -e: else a normal user gets an alert about the log file that was compiled in.
  const args = ['-p', directory, '-c', configFile, '-e', join(directory, 'logs', 'error.log')]
  const test = () => runProgram(program, [...args, '-t'])
  const running = started.use(await startProgram(program, [...args, '-g', 'daemon off;'], env && { env }))
  const errorLog = () => readFile(join(directory, 'logs', 'error.log'), 'utf8')
  await until('the first worker of nginx', async () => {
    if (running.hasEnded()) throw new Error(`nginx ended:\n${running.output()}${await errorLog()}`)
    const pid = await readFile(pidFile, 'utf8').catch(() => '') // written once it listens
    return pid.trim() !== '' && (await workersOf(running.pid)).size > 0 ? true : undefined
  })

  const all = started.move()
  return {
    pid: running.pid,
    directory,
    configFile,
    siteFile,
    program,
    args,
    test,
    writeSite: blocks => writeFile(siteFile, blocks),
    async reload() {
      const { exitCode, stderr } = await test()
      if (exitCode !== 0) throw new Error(`nginx -t: ${stderr}`)
      const before = await workersOf(running.pid)
      running.signal('SIGHUP')
      await until('new workers of nginx', async () => {
        const now = await workersOf(running.pid)
        return now.size > 0 && ![...now].some(pid => before.has(pid)) ? true : undefined
      })
    },
    errorLog,
    accessLog: () => readFile(join(directory, 'logs', 'access.log'), 'utf8'),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

function mainConfig(directory: string, user: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return [
    // Only root may choose; anybody else would get a warning.
    ...(process.getuid?.() === 0 ? [`user ${user};`] : []),
    'worker_processes 1;',
    `pid ${directory}/nginx.pid;`,
    `error_log ${directory}/logs/error.log info;`,
    'events { worker_connections 256; }',
    'http {',
    `  access_log ${directory}/logs/access.log;`,
    ...temporary.map(name => `  ${name}_temp_path ${directory}/temp/${name};`),
    `  include ${directory}/sites/*.conf;`,
    '}',
    '',
  ].join('\n')
}

async function workersOf(master: number): Promise<ReadonlySet<string>> {
  const children = await readFile(`/proc/${master}/task/${master}/children`, 'utf8').catch(() => '')
  return new Set(children.split(' ').filter(pid => pid !== ''))
}
