/** A real sshd on a loopback port, with keys of its own, into which the user of the test can log in. */
import { existsSync, mkdirSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { freePort } from './ports.ts'
import { type RunningProgram, requireProgram, runProgram, startProgram } from './programs.ts'
import { tempDirectory } from './temp-directory.ts'

export type Sshd = AsyncDisposable & {
  readonly port: number
  readonly user: string
  /** Private key that it lets in. */
  readonly identityFile: string
  /** Its host key, as clients know it. */
  readonly knownHostsFile: string
  /** Another host key for the same address, as somebody in between would show. */
  readonly strangersFile: string
  log(): string
  /** As if its machine was switched off, and on again. */
  stop(): Promise<void>
  restart(): Promise<void>
}

/** Where sshd locks itself up before anybody has logged in; the service of the distribution makes it. */
const separationDirectory = '/run/sshd'

/** Starts one. */
export async function startSshd(): Promise<Sshd> {
  await using started = new AsyncDisposableStack()
  const { path } = started.use(await tempDirectory())
  if (process.getuid?.() === 0 && !existsSync(separationDirectory)) mkdirSync(separationDirectory, 0o755)
  const makeKey = async (name: string) => {
    const file = join(path, name)
    const args = ['-q', '-t', 'ed25519', '-N', '', '-f', file]
    const { exitCode, stderr } = await runProgram(requireProgram('ssh-keygen'), args)
    if (exitCode !== 0) throw new Error(stderr)
    return { file, line: await readFile(`${file}.pub`, 'utf8') }
  }
  const [host, stranger, client] = [await makeKey('host'), await makeKey('stranger'), await makeKey('client')]
  const port = await freePort()
  const write = async (name: string, text: string) => {
    await writeFile(join(path, name), text, { mode: 0o600 })
    return join(path, name)
  }
  const knownHostsFile = await write('known_hosts', `[127.0.0.1]:${port} ${host.line}`)
  const strangersFile = await write('strangers', `[127.0.0.1]:${port} ${stranger.line}`)
  const authorized = await write('authorized_keys', `restrict ${client.line}`)
  const config = await write(
    'sshd_config',
    `Port ${port}
ListenAddress 127.0.0.1
HostKey ${host.file}
PidFile none
AuthorizedKeysFile ${authorized}
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
MaxStartups 100
`,
  )
  const start = async () => {
    const running = await startProgram(requireProgram('sshd'), ['-D', '-e', '-f', config])
    await running.waitForOutput(/Server listening on 127\.0\.0\.1/)
    return running
  }
  let sshd: RunningProgram = await start()
  started.defer(() => sshd[Symbol.asyncDispose]())
  const all = started.move()
  return {
    ...{ port, user: userInfo().username, identityFile: client.file, knownHostsFile, strangersFile },
    log: () => sshd.output(),
    stop: async () => sshd[Symbol.asyncDispose](),
    restart: async () => {
      sshd = await start()
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}
