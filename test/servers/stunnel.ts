/** The real stunnel, with everything it reads and writes in a directory of its own. */
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { freePorts } from '../support/ports.ts'
import { findProgram, requireProgram, startProgram } from '../support/programs.ts'
import { until } from '../support/wait.ts'
import type { RunningServer, Setup } from './server-case.ts'

/** Starts stunnel in the foreground, before a mail server that only says hello. */
export async function startStunnel({
  directory,
  certificateFile,
  keyFile,
  names,
}: Setup): Promise<RunningServer> {
  const backend = createServer(socket => {
    socket.on('error', () => {}).write('220 mail.example ESMTP\r\n')
  }).listen(0, '127.0.0.1')
  await once(backend, 'listening')
  const { port: hello } = backend.address() as AddressInfo // it listens at an address
  const [web = 0, mail = 0] = await freePorts(2)
  const [config, pidFile] = [join(directory, 'stunnel.conf'), join(directory, 'pid')]
  await writeFile(
    config,
    `foreground = yes
pid = ${pidFile}
cert = ${certificateFile}
key = ${keyFile}
[web]
accept = 127.0.0.1:${web}
connect = 127.0.0.1:${hello}
[name]
sni = web:${names[1]}
connect = 127.0.0.1:${hello}
[mail]
accept = 127.0.0.1:${mail}
connect = 127.0.0.1:${hello}
protocol = smtp
`,
  )
  const program = await startProgram(findProgram('stunnel4') ?? requireProgram('stunnel'), [config])
  await until('stunnel to run', async () => {
    if (program.hasEnded()) throw new Error(`stunnel ended: ${program.output()}`)
    return readFile(pidFile, 'utf8').catch(() => undefined)
  })
  return {
    options: { config },
    places: [{ port: web }, { port: web, serverName: names[1] }, { port: mail, startTls: 'smtp' }],
    breakConfiguration: async () => {
      const text = await readFile(config, 'utf8')
      await writeFile(config, `${text}no such setting\n`)
      return () => writeFile(config, text)
    },
    [Symbol.asyncDispose]: async () => {
      await program[Symbol.asyncDispose]()
      backend.close()
    },
  }
}
