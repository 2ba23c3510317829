/** The real Exim, with everything it reads and writes in a directory of its own. */
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { eximProgram } from '../support/exim.ts'
import { freePorts } from '../support/ports.ts'
import { requireProgram, startProgram } from '../support/programs.ts'
import { giveTo, serviceUser } from '../support/service-user.ts'
import { until } from '../support/wait.ts'
import type { RunningServer, Setup } from './server-case.ts'

/** Starts Exim in the foreground; it offers STARTTLS at one port, and speaks TLS from the first byte at another. */
export async function startExim({ directory, certificateFile, keyFile }: Setup): Promise<RunningServer> {
  const user = await serviceUser('Debian-exim')
  const [smtp = 0, smtps = 0] = await freePorts(2)
  const config = join(directory, 'exim.conf')
  for (const name of ['spool', 'log']) {
    await mkdir(join(directory, name))
    await chmod(join(directory, name), 0o777)
  }
  await giveTo(user, keyFile)
  const isRoot = process.getuid?.() === 0
  // A normal user's Exim must be told that it is to go on as that user.
  const own = `exim_user = ${user.uid}\nexim_group = ${user.gid}\nadmin_groups = ${user.gid}\n`
  await writeFile(
    config,
    `${isRoot ? '' : own}keep_environment =
primary_hostname = mail.example
spool_directory = ${directory}/spool
log_file_path = ${directory}/log/%s
pid_file_path = ${directory}/spool/pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = ${smtp} : ${smtps}
tls_on_connect_ports = ${smtps}
tls_advertise_hosts = *
tls_certificate = ${certificateFile}
tls_privatekey = ${keyFile}
host_lookup =
rfc1413_hosts =
`,
  )
  const path = requireProgram(eximProgram)
  const program = await startProgram(path, ['-C', config, '-bdf'])
  await until('exim to run', async () => {
    if (program.hasEnded()) throw new Error(`exim ended: ${program.output()}`)
    return readFile(join(directory, 'spool', 'pid'), 'utf8').catch(() => undefined)
  })
  return {
    options: { config, program: path },
    places: [{ port: smtp, startTls: 'smtp' }, { port: smtps }],
    breakConfiguration: async () => {
      const text = await readFile(config, 'utf8')
      await writeFile(config, `no_such_setting = 1\n${text}`)
      return () => writeFile(config, text)
    },
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  }
}
