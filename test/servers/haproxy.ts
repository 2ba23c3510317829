/** The real HAProxy, with everything it reads and writes in a directory of its own. */
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePorts } from '../support/ports.ts'
import { requireProgram, startProgram } from '../support/programs.ts'
import { until } from '../support/wait.ts'
import type { RunningServer, Setup } from './server-case.ts'

/**
 * Starts HAProxy as a master with a worker.
 * With a signal, its certificates are in a list and in a directory, and one listener wants the PROXY protocol.
 * @param options.way - how it will be told: over the socket of the master, by a signal, or over that of the worker
 */
export async function startHaproxy(
  { directory, combinedFile, names }: Setup,
  { way }: { readonly way: 'master' | 'signal' | 'socket' },
): Promise<RunningServer> {
  const [web = 0, other = 0, proxied = 0] = await freePorts(3)
  const config = join(directory, 'haproxy.cfg')
  const [pidFile, socket] = [join(directory, 'pid'), join(directory, 'socket')]
  const [list, certificates] = [join(directory, 'list'), join(directory, 'certificates')]
  await writeFile(list, `${combinedFile} [alpn h2] ${names.join(' ')}\n`)
  await mkdir(certificates)
  await symlink(combinedFile, join(certificates, 'site.pem'))
  const binds =
    way === 'signal'
      ? [
          `127.0.0.1:${web} ssl crt-list ${list}`,
          `127.0.0.1:${other} ssl crt ${certificates}`,
          `127.0.0.1:${proxied} accept-proxy ssl crt ${combinedFile}`,
        ]
      : [`127.0.0.1:${web},127.0.0.1:${other} ssl crt ${combinedFile}`]
  await writeFile(
    config,
    `global
  pidfile ${pidFile}
  stats socket ${socket} mode 600 level admin
  tune.ssl.default-dh-param 2048
defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
frontend web
${binds.map(bind => `  bind ${bind}`).join('\n')}
`,
  )
  const master = way === 'master' ? ['-S', join(directory, 'master')] : []
  const program = await startProgram(requireProgram('haproxy'), ['-W', '-db', ...master, '-f', config])
  await until('haproxy to run', async () => {
    if (program.hasEnded()) throw new Error(`haproxy ended: ${program.output()}`)
    return program.output().includes('Loading success')
      ? readFile(pidFile, 'utf8').catch(() => undefined)
      : undefined
  })
  return {
    options: { config, ...(way === 'socket' && { socket }) },
    places: [{ port: web }, { port: other }],
    breakConfiguration: async () => {
      const text = await readFile(config, 'utf8')
      await writeFile(config, `${text}  no-such-setting\n`)
      return () => writeFile(config, text)
    },
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  }
}
