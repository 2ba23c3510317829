/** The real Prosody, with everything it reads and writes in a directory of its own. */
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePorts } from '../support/ports.ts'
import { requireProgram, startProgram } from '../support/programs.ts'
import { giveTo, serviceUser } from '../support/service-user.ts'
import { until } from '../support/wait.ts'
import type { RunningServer, Setup } from './server-case.ts'

/** Starts Prosody in the foreground with the files of the setup for its host, and where TLS comes first. */
export async function startProsody(setup: Setup): Promise<RunningServer> {
  const {
    directory,
    names: [host],
    certificateFile,
    keyFile,
  } = setup
  const files = `{ certificate = "${certificateFile}", key = "${keyFile}" }`
  const user = await serviceUser('prosody')
  const [clients = 0, directTls = 0, servers = 0] = await freePorts(3)
  const run = join(directory, 'run')
  await mkdir(run, { mode: 0o755 })
  await giveTo(user, run, keyFile)
  const config = join(directory, 'prosody.cfg.lua')
  await writeFile(
    config,
    `pidfile = "${run}/pid"
data_path = "${run}"
interfaces = { "127.0.0.1" }
c2s_ports = { ${clients} }
c2s_direct_tls_ports = { ${directTls} }
c2s_direct_tls_ssl = ${files}
s2s_ports = { ${servers} }
modules_enabled = { "tls"; "saslauth"; "posix" }
log = { info = "${run}/log" }
VirtualHost "${host}"
	ssl = ${files}
`,
  )
  await chmod(config, 0o644)
  const path = requireProgram('prosody')
  const program = await startProgram(path, ['--config', config, '-F'], { user, cwd: '/' })
  await until('prosody to run', async () => {
    if (program.hasEnded()) throw new Error(`prosody ended: ${program.output()}`)
    const log = await readFile(join(run, 'log'), 'utf8').catch(() => '')
    return log.includes("Activated service 'c2s_direct_tls'") ? log : undefined
  })
  return {
    options: { config },
    places: [{ port: clients, startTls: 'xmpp' }, { port: directTls }],
    breakConfiguration: async () => {
      const text = await readFile(config, 'utf8')
      await writeFile(config, `${text}this is no Lua\n`)
      return () => writeFile(config, text)
    },
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  }
}
