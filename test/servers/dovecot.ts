/** The real Dovecot, with everything it reads and writes in a directory of its own. */
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeServerCertificate } from '../support/https.ts'
import { freePorts } from '../support/ports.ts'
import { requireProgram, startProgram } from '../support/programs.ts'
import { until } from '../support/wait.ts'
import type { RunningServer, Setup } from './server-case.ts'

/** Starts Dovecot with the certificate for its names alone, and another one for everybody else. */
export async function startDovecotWithNames(setup: Setup): Promise<RunningServer> {
  const others = join(setup.directory, 'others')
  await mkdir(others)
  const other = await makeServerCertificate(others, ['other.example'])
  const own = `ssl_cert = <${setup.certificateFile}\n  ssl_key = <${setup.keyFile}`
  const blocks = setup.names.map(name => `local_name ${name} {\n  ${own}\n}\n`).join('')
  const running = await startDovecot({ ...setup, ...other }, blocks)
  // LMTP does not look at names.
  return { ...running, places: running.places.filter(({ startTls }) => startTls !== 'lmtp') }
}

/** Starts Dovecot in the foreground; it serves IMAP, POP3, ManageSieve and LMTP. */
export async function startDovecot(
  { directory, certificateFile, keyFile }: Setup,
  more = '',
): Promise<RunningServer> {
  const [imap = 0, imaps = 0, pop3 = 0, pop3s = 0, sieve = 0, lmtp = 0] = await freePorts(6)
  const config = join(directory, 'dovecot.conf')
  const run = join(directory, 'run')
  await mkdir(run)
  await chmod(run, 0o755)
  const listener = (name: string, port: number, tls = false) =>
    `inet_listener ${name} {\n port = ${port}\n ${tls ? 'ssl = yes' : ''}\n }`
  await writeFile(
    config,
    `base_dir = ${run}
log_path = ${directory}/log
protocols = imap pop3 sieve lmtp
listen = 127.0.0.1
ssl = yes
ssl_cert = <${certificateFile}
ssl_key = <${keyFile}
passdb {
  driver = static
  args = nopassword=y
}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home=${directory}/home
}
mail_location = maildir:~/mail
service imap-login {
 ${listener('imap', imap)}
 ${listener('imaps', imaps, true)}
}
service pop3-login {
 ${listener('pop3', pop3)}
 ${listener('pop3s', pop3s, true)}
}
service managesieve-login {
 ${listener('sieve', sieve)}
}
service lmtp {
 ${listener('lmtp', lmtp)}
}
${more}`,
  )
  const program = await startProgram(requireProgram('dovecot'), ['-F', '-c', config])
  await until('dovecot to run', async () => {
    if (program.hasEnded()) throw new Error(`dovecot ended: ${program.output()}`)
    return readFile(join(run, 'master.pid'), 'utf8').catch(() => undefined)
  })
  return {
    options: { config },
    places: [
      { port: imap, startTls: 'imap' },
      { port: imaps },
      { port: pop3, startTls: 'pop3' },
      { port: pop3s },
      { port: sieve, startTls: 'sieve' },
      { port: lmtp, startTls: 'lmtp' },
    ],
    breakConfiguration: async () => {
      const text = await readFile(config, 'utf8')
      await writeFile(config, `${text}no_such_setting = 1\n`)
      return () => writeFile(config, text)
    },
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  }
}
