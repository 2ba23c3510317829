/** The real ProFTPD, with everything it reads and writes in a directory of its own. */
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { freePorts } from '../support/ports.ts'
import { requireProgram, startProgram } from '../support/programs.ts'
import { until } from '../support/wait.ts'
import type { RunningServer, Setup } from './server-case.ts'

/** Starts ProFTPD in the foreground: one server that speaks FTP before TLS, and one that does not. */
export async function startProftpd({ directory, certificateFile, keyFile }: Setup): Promise<RunningServer> {
  const [main = 0, implicit = 0] = await freePorts(2)
  const [config, pidFile] = [join(directory, 'proftpd.conf'), join(directory, 'pid')]
  const chainFile = join(dirname(certificateFile), 'chain.pem')
  // It does not start without one; where the certificate is self-signed, so far there are no intermediates.
  if (dirname(certificateFile) === directory) await copyFile(certificateFile, chainFile)
  await mkdir(join(directory, 'conf.d'))
  await writeFile(
    join(directory, 'conf.d', 'tls.conf'),
    `<IfModule mod_tls.c>
<Global>
TLSEngine on
TLSECCertificateFile ${certificateFile}
TLSECCertificateKeyFile ${keyFile}
TLSCertificateChainFile ${chainFile}
</Global>
</IfModule>
`,
  )
  await writeFile(
    config,
    `ServerName main
DefaultAddress 127.0.0.1
Port ${main}
SocketBindTight on
UseReverseDNS off
WtmpLog off
User nobody
Group nogroup
PidFile ${pidFile}
ScoreboardFile ${directory}/scores
DelayEngine off
SystemLog ${directory}/log
ModulePath /usr/lib/proftpd
LoadModule mod_tls.c
Include ${directory}/conf.d/
<VirtualHost 127.0.0.1>
  Port ${implicit}
  TLSOptions UseImplicitSSL
</VirtualHost>
`,
  )
  const program = await startProgram(requireProgram('proftpd'), ['-n', '-c', config])
  await until('proftpd to run', async () => {
    if (program.hasEnded()) throw new Error(`proftpd ended: ${program.output()}`)
    return program.output().includes('STARTUP') ? readFile(pidFile, 'utf8').catch(() => undefined) : undefined
  })
  return {
    options: { config },
    places: [{ port: main, startTls: 'ftp' }, { port: implicit }],
    breakConfiguration: async () => {
      const text = await readFile(config, 'utf8')
      await writeFile(config, `${text}NoSuchDirective on\n`)
      return () => writeFile(config, text)
    },
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  }
}
