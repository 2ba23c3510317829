/** The real Apache httpd, with everything it reads and writes in a directory of its own. */
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { requireProgram, startProgram } from './programs.ts'
import { tempDirectory } from './temp-directory.ts'
import { until } from './wait.ts'

export type Apache = AsyncDisposable & {
  /** Absolute; everything below it is this server's. */
  readonly directory: string
  /** The main configuration; it includes `sites/*.conf`. */
  readonly configFile: string
  /** Where the virtual hosts went. */
  readonly siteFile: string
}

const moduleDirectory = '/usr/lib/apache2/modules' // of Debian
const modules = ['mpm_event', 'authz_core', 'alias', 'headers', 'dir', 'mime', 'ssl']

/**
 * Starts httpd in the foreground and waits until it runs.
 * @param options.listen - what stands before the virtual hosts in the main file
 */
export async function startApache({
  listen,
  hosts,
}: {
  readonly listen: string
  readonly hosts: string
}): Promise<Apache> {
  await using started = new AsyncDisposableStack()
  const { path: directory } = started.use(await tempDirectory())
  await chmod(directory, 0o755)
  for (const name of ['sites', 'run']) await mkdir(join(directory, name))
  const [configFile, siteFile] = [join(directory, 'httpd.conf'), join(directory, 'sites', 'shop.conf')]
  const user = process.getuid?.() === 0 ? 'User www-data\nGroup www-data\n' : ''
  await writeFile(
    configFile,
    `ServerRoot ${directory}
DefaultRuntimeDir ${directory}/run
Mutex file:${directory}/run
PidFile ${directory}/run/pid
ErrorLog ${directory}/run/log
${user}ServerName localhost
DirectoryIndex index.html
TypesConfig /dev/null
${modules.map(name => `LoadModule ${name}_module ${moduleDirectory}/mod_${name}.so`).join('\n')}
${listen}
IncludeOptional sites/*.conf
`,
  )
  await writeFile(siteFile, hosts)
  const program = started.use(
    await startProgram(requireProgram('apache2'), ['-f', configFile, '-D', 'FOREGROUND']),
  )
  const log = () => readFile(join(directory, 'run', 'log'), 'utf8').catch(() => '')
  await until('apache2 to run', async () => {
    if (program.hasEnded()) throw new Error(`apache2 ended: ${program.output()}${await log()}`)
    return (await log()).includes('resuming normal operations') ? true : undefined
  })
  const all = started.move()
  return { directory, configFile, siteFile, [Symbol.asyncDispose]: () => all.disposeAsync() }
}
