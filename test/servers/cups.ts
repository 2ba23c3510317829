/** The real CUPS, with everything it reads and writes in a directory of its own. */
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { freePort } from '../support/ports.ts'
import { requireProgram, startProgram } from '../support/programs.ts'
import { until } from '../support/wait.ts'
import { answersAt } from './answers-at.ts'
import type { RunningServer, Setup } from './server-case.ts'

/** What it calls the files of its certificate. */
export const cupsFiles = { certificate: 'mail.example.crt', key: 'mail.example.key' }

/** Starts CUPS in the foreground. Its directory of certificates has links to `live/`, or the files themselves. */
export async function startCups({ directory, certificateFile, keyFile }: Setup): Promise<RunningServer> {
  const port = await freePort()
  const [root, work] = [join(directory, 'etc'), join(directory, 'work')]
  const links = join(directory, 'links')
  for (const path of [root, work, links]) await mkdir(path)
  const isOwn = dirname(certificateFile) === directory
  if (!isOwn) {
    await symlink(certificateFile, join(links, cupsFiles.certificate))
    await symlink(keyFile, join(links, cupsFiles.key))
  }
  const config = join(root, 'cupsd.conf')
  await writeFile(
    join(root, 'cups-files.conf'),
    `ServerRoot ${root}
ServerKeychain ${isOwn ? directory : links}
CreateSelfSignedCerts no
CacheDir ${work}
StateDir ${work}
RequestRoot ${work}
TempDir ${work}
AccessLog ${work}/access
ErrorLog ${work}/error
PageLog ${work}/page
SystemGroup root
`,
  )
  await writeFile(
    config,
    `Listen 127.0.0.1:${port}
ServerName mail.example
Browsing No
WebInterface No
`,
  )
  const program = await startProgram(requireProgram('cupsd'), [
    ...['-f', '-c', config, '-s', join(root, 'cups-files.conf')],
  ])
  await until('cupsd to listen', async () => {
    if (program.hasEnded()) throw new Error(`cupsd ended: ${program.output()}`)
    return (await answersAt(port)) || undefined
  })
  return {
    options: { config },
    places: [{ port }],
    breakConfiguration: async () => {
      const text = await readFile(config, 'utf8')
      await writeFile(config, `${text}<Location /never-closed>\n`)
      return () => writeFile(config, text)
    },
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  }
}
