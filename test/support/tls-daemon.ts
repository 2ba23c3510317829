/** A TLS server that is run as a daemon: by a script that starts and restarts it, found by its pid file. */
import { existsSync } from 'node:fs'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeServerCertificate } from './https.ts'
import { freePort } from './ports.ts'
import { runProgram } from './programs.ts'
import { tempDirectory } from './temp-directory.ts'
import { until } from './wait.ts'

const program = join(import.meta.dirname, 'tls-daemon-main.ts')

export type TlsDaemon = AsyncDisposable & {
  readonly port: number
  /** Where its files are: `fullchain.pem` and `privkey.pem`, of somebody else's certificate at first. */
  readonly tls: string
  readonly pidFile: string
  /** A directory for scripts. */
  readonly directory: string
  /** Starts it anew. */
  readonly restart: string
  /** Makes it read its files. */
  readonly reload: string
  pid(): Promise<number>
  /** Whether it takes notice of signals. */
  setDeaf(deaf: boolean): Promise<void>
  /** Writes a script that everybody may run, and only its owner change. */
  script(name: string, body: string): Promise<string>
  /** Its files, byte by byte. */
  files(): Promise<readonly string[]>
}

/** Starts one. */
export async function startTlsDaemon(): Promise<TlsDaemon> {
  const { path: directory, [Symbol.asyncDispose]: remove } = await tempDirectory()
  const tls = join(directory, 'tls')
  const pidFile = join(directory, 'daemon.pid')
  const made = await runProgram('/bin/mkdir', ['-m', '755', tls])
  if (made.exitCode !== 0) throw new Error(made.stderr)
  const { certificateFile, keyFile } = await makeServerCertificate(directory, ['old.example'])
  const paths = [join(tls, 'fullchain.pem'), join(tls, 'privkey.pem')] as const
  await writeFile(paths[0], await readFile(certificateFile), { mode: 0o644 })
  await writeFile(paths[1], await readFile(keyFile), { mode: 0o600 })
  const port = await freePort()
  const script = async (name: string, body: string) => {
    await writeFile(join(directory, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 })
    return join(directory, name)
  }
  const words = [process.execPath, program, String(port), ...paths, pidFile]
  const command = words.map(word => `'${word}'`).join(' ')
  // A daemon keeps nothing of who started it, least of all its output.
  const start = `${command} </dev/null >>'${directory}/log' 2>&1 &`
  const stop = `if pid=$(cat '${pidFile}' 2>/dev/null); then kill "$pid"; while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done; fi`
  const restart = await script('restart', `${stop}\n${start}`)
  const reload = await script('reload', `kill -HUP "$(cat '${pidFile}')"`)
  const run = async (path: string) => {
    const { exitCode, stderr } = await runProgram(path, [])
    if (exitCode !== 0) throw new Error(stderr)
    await until('the pid file of the daemon', () => existsSync(pidFile) || undefined)
  }
  await run(restart)
  return {
    ...{ port, tls, pidFile, directory, restart, reload, script },
    pid: async () => Number(await readFile(pidFile, 'utf8')),
    setDeaf: deaf => (deaf ? writeFile(`${pidFile}.deaf`, '') : rm(`${pidFile}.deaf`)),
    files: () => Promise.all(paths.map(path => readFile(path, 'utf8'))),
    [Symbol.asyncDispose]: async () => {
      await runProgram(await script('stop', stop), [])
      await remove.call(undefined)
    },
  }
}
