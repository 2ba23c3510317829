/** The real Exim, with everything it reads and writes in a directory of its own. */
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeServerCertificate } from './https.ts'
import { freePorts } from './ports.ts'
import { requireProgram, startProgram } from './programs.ts'
import { tempDirectory } from './temp-directory.ts'
import { until } from './wait.ts'

/** Debian's name for it. */
export const eximProgram = 'exim4'

export type Exim = AsyncDisposable & {
  /** Submission: STARTTLS is offered, and AUTH PLAIN behind it. */
  readonly port: number
  /** TLS from the first byte, and AUTH PLAIN. */
  readonly tlsPort: number
  /** What a client has to trust; the certificate is for 127.0.0.1. */
  readonly trustFile: string
  /** Who may send mail. */
  readonly login: { readonly user: string; readonly password: string }
  /** Waits for a mail that has the text in it, and gives it as it was delivered. */
  mailWith(text: string): Promise<string>
  log(): Promise<string>
}

/** Starts Exim in the foreground, as root or as a normal user. It takes mail for example.com from whoever logs in. */
export async function startExim(): Promise<Exim> {
  await using started = new AsyncDisposableStack()
  const { path: directory } = started.use(await tempDirectory())
  const [port = 0, tlsPort = 0] = await freePorts(2)
  const { certificateFile, keyFile } = await makeServerCertificate(directory, ['mail.test'])
  const login = { user: 'certwright', password: 'correct horse' }
  const program = requireProgram(eximProgram)
  const configFile = join(directory, 'exim.conf')
  const inbox = join(directory, 'mail', 'inbox')
  const logFile = join(directory, 'log', 'main')
  await writeFile(
    configFile,
    configuration({ program, directory, port, tlsPort, certificateFile, keyFile, login }),
  )
  for (const name of ['mail', 'log', 'spool']) {
    await mkdir(join(directory, name))
    await chmod(join(directory, name), 0o777) // started by root it receives and delivers as a user of its own
  }
  await chmod(directory, 0o711)
  await chmod(keyFile, 0o644)
  const log = () => readFile(logFile, 'utf8').catch(() => '')
  const running = started.use(await startProgram(program, ['-C', configFile, '-bdf']))
  await until('exim to listen', async () => {
    if (running.hasEnded()) throw new Error(`exim ended:\n${running.output()}${await log()}`)
    return (await log()).includes('daemon started') ? true : undefined
  })

  const all = started.move()
  return {
    port,
    tlsPort,
    trustFile: certificateFile,
    login,
    log,
    mailWith: text =>
      until(`a mail with ${text}`, async () => {
        const mails = (await readFile(inbox, 'utf8').catch(() => '')).split(/^From .*\n/m)
        return mails.find(mail => mail.includes(text))
      }),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

type Settings = {
  /** It starts itself again for each delivery. */
  readonly program: string
  readonly directory: string
  readonly port: number
  readonly tlsPort: number
  readonly certificateFile: string
  readonly keyFile: string
  readonly login: Exim['login']
}

function configuration({
  program,
  directory,
  port,
  tlsPort,
  certificateFile,
  keyFile,
  login,
}: Settings): string {
  // Root's Exim goes on as a user of its own; a normal user's must be told that it is to be that user.
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0]
  const isRoot = uid === 0
  const ownUser = `exim_user = ${uid}\nexim_group = ${gid}\nadmin_groups = ${gid}\ndeliver_drop_privilege = true`
  return `
${isRoot ? '' : ownUser}
keep_environment =
exim_path = ${program}
primary_hostname = mail.test
spool_directory = ${directory}/spool
log_file_path = ${directory}/log/%s
pid_file_path = ${directory}/exim.pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = ${port} : ${tlsPort}
tls_on_connect_ports = ${tlsPort}
tls_advertise_hosts = *
tls_certificate = ${certificateFile}
tls_privatekey = ${keyFile}
auth_advertise_hosts = \${if eq{$tls_in_cipher}{}{}{*}}
host_lookup =
rfc1413_hosts =
acl_smtp_rcpt = rcpt
begin acl
rcpt:
  deny !authenticated = *
       message = log in first
  accept domains = example.com
  deny message = not for us
begin routers
all:
  driver = accept
  transport = inbox
begin transports
inbox:
  driver = appendfile
  file = ${directory}/mail/inbox
  ${isRoot ? 'user = Debian-exim' : ''}
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_condition = \${if and{{eq{$auth2}{${login.user}}}{eq{$auth3}{${login.password}}}}}
  server_set_id = $auth2
`
}
