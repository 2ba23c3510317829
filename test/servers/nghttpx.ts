/** The real nghttpx, with everything it reads and writes in a directory of its own. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePorts } from '../support/ports.ts'
import { requireProgram, startProgram } from '../support/programs.ts'
import { until } from '../support/wait.ts'
import type { RunningServer, Setup } from './server-case.ts'

/** Starts nghttpx in the foreground, with nobody behind it. */
export async function startNghttpx({ directory, certificateFile, keyFile }: Setup): Promise<RunningServer> {
  const [web = 0, other = 0, backend = 0] = await freePorts(3)
  const [config, pidFile] = [join(directory, 'nghttpx.conf'), join(directory, 'pid')]
  await writeFile(
    config,
    `frontend=127.0.0.1,${web}
frontend=127.0.0.1,${other}
backend=127.0.0.1,${backend}
private-key-file=${keyFile}
certificate-file=${certificateFile}
pid-file=${pidFile}
workers=1
`,
  )
  const program = await startProgram(requireProgram('nghttpx'), [`--conf=${config}`])
  await until('nghttpx to run', async () => {
    if (program.hasEnded()) throw new Error(`nghttpx ended: ${program.output()}`)
    return program.output().includes('Created worker thread')
      ? readFile(pidFile, 'utf8').catch(() => undefined)
      : undefined
  })
  return {
    options: { config },
    places: [{ port: web }, { port: other }],
    breakConfiguration: async () => {
      const text = await readFile(config, 'utf8')
      await writeFile(config, `${text}no such setting\n`)
      return () => writeFile(config, text)
    },
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  }
}
