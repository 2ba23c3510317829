/** The real Redis, with everything it reads and writes in a directory of its own. */
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from '../support/ports.ts'
import { requireProgram, runProgram, startProgram } from '../support/programs.ts'
import { giveTo, ownerFor, serviceUser } from '../support/service-user.ts'
import type { RunningServer, Setup } from './server-case.ts'

/**
 * Starts Redis in the foreground, as its own user where tests run as root.
 * @param options.hasTls - whether its configuration has TLS when it is started; it has afterwards
 */
export async function startRedis(setup: Setup, { hasTls = true } = {}): Promise<RunningServer> {
  const { directory, certificateFile, keyFile } = setup
  const user = await serviceUser('redis')
  const content = join(directory, 'data')
  await mkdir(content, { mode: 0o755, recursive: true })
  await giveTo(user, content, ...(hasTls ? [keyFile] : []))
  const port = await freePort()
  const [config, socket] = [join(directory, 'redis.conf'), join(content, 'server.sock')]
  const plain = `port 0\nbind 127.0.0.1 -::1\nunixsocket ${socket}\ndir ${content}\nsave ""\n`
  const tls = `tls-port ${port}\ntls-cert-file ${certificateFile}\ntls-key-file ${keyFile}\ntls-auth-clients no\n`
  await writeFile(config, hasTls ? plain + tls : plain)
  await chmod(config, 0o644)
  const program = await startProgram(requireProgram('redis-server'), [config], { user, cwd: '/' })
  await program.waitForOutput(/ready to accept connections at/)
  await writeFile(config, plain + tls)
  const client = async (env: Readonly<Record<string, string>>, ...command: readonly string[]) => {
    const { stdout } = await runProgram(requireProgram('redis-cli'), ['-s', socket, ...command], { env })
    if (stdout !== 'OK\n') throw new Error(`${command.join(' ')}: ${stdout}`)
  }
  const password = 'not the one that certwright knows'
  return {
    options: { config, socket, ...ownerFor(user) },
    places: [{ port }],
    // It reads its configuration once; what it can be set to is a password.
    breakConfiguration: async () => {
      await client({}, 'CONFIG', 'SET', 'requirepass', password)
      return () => client({ REDISCLI_AUTH: password }, 'CONFIG', 'SET', 'requirepass', '')
    },
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  }
}
