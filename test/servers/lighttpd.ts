/** The real lighttpd, with everything it reads and writes in a directory of its own. */
import { chmod, chown, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePorts } from '../support/ports.ts'
import { requireProgram, startProgram } from '../support/programs.ts'
import { until } from '../support/wait.ts'
import { numberOfUser } from './accounts.ts'
import type { RunningServer, Setup } from './server-case.ts'

/**
 * Starts lighttpd in the foreground.
 * @param options.user - as whom it goes on once it has started, where root starts it; that user gets the files then
 */
export async function startLighttpd(
  { directory, certificateFile, keyFile, names }: Setup,
  { user }: { readonly user?: string } = {},
): Promise<RunningServer> {
  const [main = 0, other = 0] = await freePorts(2)
  const config = join(directory, 'lighttpd.conf')
  const logs = join(directory, 'logs')
  await mkdir(logs)
  const owner = process.getuid?.() === 0 ? user : undefined
  if (owner !== undefined) {
    const uid = await numberOfUser(owner)
    for (const path of [keyFile, certificateFile, logs]) await chown(path, uid, uid)
    await chmod(keyFile, 0o600)
  }
  await writeFile(
    config,
    `server.modules = ("mod_openssl")
server.document-root = "${logs}"
server.bind = "127.0.0.1"
server.port = ${main}
server.pid-file = "${directory}/pid"
server.errorlog = "${logs}/log"
${owner === undefined ? '' : `server.username = "${owner}"`}
ssl.engine = "enable"
ssl.pemfile = "${certificateFile}"
ssl.privkey = "${keyFile}"
$SERVER["socket"] == "127.0.0.1:${other}" {
  ssl.engine = "enable"
  $HTTP["host"] == "${names[1]}" {
    ssl.pemfile = "${certificateFile}"
    ssl.privkey = "${keyFile}"
  }
}
`,
  )
  const program = await startProgram(requireProgram('lighttpd'), ['-D', '-f', config])
  await until('lighttpd to run', async () => {
    const log = await readFile(join(logs, 'log'), 'utf8').catch(() => '')
    if (program.hasEnded()) throw new Error(`lighttpd ended: ${program.output()}${log}`)
    return log.includes('server started') || undefined
  })
  return {
    options: { config },
    places: [{ port: main }, { port: other }, { port: other, serverName: names[1] }],
    breakConfiguration: async () => {
      const text = await readFile(config, 'utf8')
      await writeFile(config, `${text}no such setting\n`)
      return () => writeFile(config, text)
    },
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  }
}
