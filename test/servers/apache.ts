/** The real Apache httpd, with everything it reads and writes in a directory of its own. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePorts } from '../support/ports.ts'
import { requireProgram, startProgram } from '../support/programs.ts'
import { until } from '../support/wait.ts'
import type { RunningServer, Setup } from './server-case.ts'

const modules = ['mpm_event', 'ssl', 'authz_core']

/** Starts httpd in the foreground: two virtual hosts by name at one address, and one alone at another. */
export async function startApache({
  directory,
  certificateFile,
  keyFile,
  names,
}: Setup): Promise<RunningServer> {
  const [shared = 0, own = 0] = await freePorts(2)
  const [config, pidFile] = [join(directory, 'httpd.conf'), join(directory, 'pid')]
  await writeFile(
    join(directory, 'tls.conf'),
    `SSLEngine on
SSLCertificateFile ${certificateFile}
SSLCertificateKeyFile ${keyFile}
`,
  )
  const host = (address: string, name: string) =>
    `<VirtualHost ${address}>\n  ServerName ${name}\n  Include tls.conf\n</VirtualHost>`
  await writeFile(
    config,
    `ServerRoot ${directory}
DefaultRuntimeDir ${directory}
Mutex file:${directory}
PidFile ${pidFile}
ErrorLog ${directory}/log
User www-data
Group www-data
${modules.map(name => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join('\n')}
Listen 127.0.0.1:${shared}
Listen 127.0.0.1:${own}
ServerName localhost
<IfModule mod_ssl.c>
${host(`*:${shared}`, names[0])}
${host(`*:${shared}`, names[1])}
${host(`127.0.0.1:${own}`, 'another.example')}
</IfModule>
`,
  )
  const path = requireProgram('apache2')
  const program = await startProgram(path, ['-f', config, '-D', 'FOREGROUND'])
  await until('apache2 to run', async () => {
    const log = await readFile(join(directory, 'log'), 'utf8').catch(() => '')
    if (program.hasEnded()) throw new Error(`apache2 ended: ${program.output()}${log}`)
    return log.includes('resuming normal operations')
      ? readFile(pidFile, 'utf8').catch(() => undefined)
      : undefined
  })
  return {
    options: { program: path, config },
    places: [{ port: shared }, { port: shared, serverName: names[1] }, { port: own }],
    breakConfiguration: async () => {
      const text = await readFile(config, 'utf8')
      await writeFile(config, `${text}NoSuchDirective on\n`)
      return () => writeFile(config, text)
    },
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  }
}
