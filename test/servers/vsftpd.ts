/** The real vsftpd, with everything it reads in a directory of its own. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from '../support/ports.ts'
import { requireProgram } from '../support/programs.ts'
import { until } from '../support/wait.ts'
import { answersAt } from './answers-at.ts'
import { keepRunning } from './restarted.ts'
import type { RunningServer, Setup } from './server-case.ts'

/** Starts vsftpd, which is restarted to read its files. */
export async function startVsftpd({ directory, certificateFile, keyFile }: Setup): Promise<RunningServer> {
  const port = await freePort()
  const config = join(directory, 'vsftpd.conf')
  const empty = join(directory, 'empty')
  await mkdir(empty, { mode: 0o755 })
  await writeFile(
    config,
    `listen=YES
listen_address=127.0.0.1
listen_port=${port}
background=NO
anonymous_enable=YES
no_anon_password=YES
secure_chroot_dir=${empty}
nopriv_user=nobody
seccomp_sandbox=NO
isolate=NO
isolate_network=NO
ssl_enable=YES
rsa_cert_file=${certificateFile}
rsa_private_key_file=${keyFile}
${process.getuid?.() === 0 ? '' : 'run_as_launching_user=YES\n'}`,
  )
  const server = await keepRunning(requireProgram('vsftpd'), [config], { directory })
  await until('vsftpd to listen', async () => (await answersAt(port)) || undefined)
  return {
    options: { config, reload: server.restart },
    places: [{ port, startTls: 'ftp' }],
    breakConfiguration: async () => {
      const text = await readFile(config, 'utf8')
      await writeFile(config, `${text}no such setting\n`)
      return () => writeFile(config, text)
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}
