/** The real Postfix, with everything it reads and writes in a directory of its own. */
import { chown, mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { makeServerCertificate } from '../support/https.ts'
import { freePorts } from '../support/ports.ts'
import { requireProgram, runProgram, startProgram } from '../support/programs.ts'
import { until } from '../support/wait.ts'
import type { RunningServer, Setup } from './server-case.ts'

const daemons = '/usr/lib/postfix/sbin'

type Files = Pick<Setup, 'directory' | 'certificateFile' | 'keyFile'>

/** Starts Postfix with the certificate for everybody; it serves submission with STARTTLS and with TLS from the first byte. */
export function startPostfix(setup: Setup): Promise<RunningServer> {
  return start(
    setup,
    async ({ certificateFile, keyFile }) => `smtpd_tls_chain_files = ${keyFile}, ${certificateFile}`,
  )
}

/** Starts Postfix with the certificate in a table of names, and another one for everybody else. */
export function startPostfixWithNames(setup: Setup): Promise<RunningServer> {
  return start(setup, async ({ directory, certificateFile, keyFile }) => {
    const table = join(directory, 'names')
    await writeFile(table, setup.names.map(name => `${name} ${keyFile} ${certificateFile}\n`).join(''))
    const built = await runProgram(requireProgram('postmap'), ['-F', `hash:${table}`])
    if (built.exitCode !== 0) throw new Error(built.stderr)
    const others = join(directory, 'others')
    await mkdir(others)
    const other = await makeServerCertificate(others, ['other.example'])
    return `smtpd_tls_cert_file = ${other.certificateFile}
smtpd_tls_key_file = ${other.keyFile}
tls_server_sni_maps = hash:${table}`
  })
}

async function start(setup: Setup, tlsSettings: (files: Files) => Promise<string>): Promise<RunningServer> {
  const [submission = 0, submissions = 0] = await freePorts(2)
  const directoryOf = async (name: string) => {
    const path = join(setup.directory, name)
    await mkdir(path, { mode: 0o755 })
    return path
  }
  const [config, queue, state] = [
    await directoryOf('etc'),
    await directoryOf('queue'),
    await directoryOf('lib'),
  ]
  await chown(state, await userId('postfix'), 0)
  const postfix = requireProgram('postfix')
  const log = join(setup.directory, 'log')
  await writeFile(
    join(config, 'master.cf'),
    `127.0.0.1:${submission} inet n - n - - smtpd
127.0.0.1:${submissions} inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes -o { smtpd_tls_security_level = encrypt }
postlog unix-dgram n - n - 1 postlogd
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
`,
  )
  const main = join(config, 'main.cf')
  await writeFile(
    main,
    `compatibility_level = 3.6
queue_directory = ${queue}
data_directory = ${state}
command_directory = ${dirname(postfix)}
daemon_directory = ${daemons}
meta_directory = /etc/postfix
maillog_file = ${log}
maillog_file_prefixes = ${setup.directory}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mail.example
local_recipient_maps =
alias_maps =
smtpd_peername_lookup = no
smtpd_relay_restrictions = reject
smtpd_tls_security_level = may
${await tlsSettings(setup)}
`,
  )
  const checked = await runProgram(postfix, ['-c', config, 'check']) // makes the directories of the queue
  if (checked.exitCode !== 0) throw new Error(checked.stderr)
  const program = await startProgram(join(daemons, 'master'), ['-d', '-c', config])
  await until('postfix to run', async () => {
    if (program.hasEnded()) throw new Error(`postfix ended: ${await readFile(log, 'utf8')}`)
    return readFile(join(queue, 'pid', 'master.pid'), 'utf8').catch(() => undefined)
  })
  return {
    options: { config },
    places: [{ port: submission, startTls: 'smtp' }, { port: submissions }],
    breakConfiguration: async () => {
      const text = await readFile(main, 'utf8')
      await writeFile(main, `${text}this is no setting\n`)
      return () => writeFile(main, text)
    },
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  }
}

async function userId(name: string): Promise<number> {
  const { stdout } = await runProgram('/usr/bin/id', ['-u', name])
  return Number(stdout)
}
