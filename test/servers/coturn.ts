/** The real coturn, with everything it reads and writes in a directory of its own. */
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePorts } from '../support/ports.ts'
import { requireProgram, startProgram } from '../support/programs.ts'
import { giveTo, serviceUser } from '../support/service-user.ts'
import { until } from '../support/wait.ts'
import type { RunningServer, Setup } from './server-case.ts'

/** Starts coturn in the foreground, as its own user where tests run as root. */
export async function startCoturn(setup: Setup): Promise<RunningServer> {
  const { directory, certificateFile, keyFile } = setup
  const user = await serviceUser('turnserver')
  const content = join(directory, 'data')
  await mkdir(content, { mode: 0o755 })
  await giveTo(user, content, keyFile)
  // The plain and the TLS port; for both, the next one is an alternative.
  const [port = 0, , tlsPort = 0] = await freePorts(4)
  const [config, pidFile] = [join(directory, 'turnserver.conf'), join(content, 'turnserver.pid')]
  await writeFile(
    config,
    `listening-ip=127.0.0.1
relay-ip=127.0.0.1
listening-port=${port}
tls-listening-port=${tlsPort}
cert=${certificateFile}
pkey=${keyFile}
pidfile="${pidFile}"
userdb=${content}/users
realm=mail.example
log-file=stdout
no-cli
`,
  )
  await chmod(config, 0o644)
  const program = await startProgram(requireProgram('turnserver'), ['-c', config], { user, cwd: '/' })
  await until('coturn to run', async () => {
    if (program.hasEnded()) throw new Error(`coturn ended: ${program.output()}`)
    return readFile(pidFile, 'utf8').catch(() => undefined)
  })
  return {
    options: { config },
    places: [{ port: tlsPort }],
    // It takes any text; but there has to be one.
    breakConfiguration: async () => {
      await rename(config, `${config}.aside`)
      return () => rename(`${config}.aside`, config)
    },
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  }
}
