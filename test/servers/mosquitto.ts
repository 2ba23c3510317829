/** The real Mosquitto, with everything it reads and writes in a directory of its own. */
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePorts } from '../support/ports.ts'
import { requireProgram, startProgram } from '../support/programs.ts'
import { giveTo, serviceUser } from '../support/service-user.ts'
import type { RunningServer, Setup } from './server-case.ts'

/** Starts Mosquitto in the foreground, as its own user where tests run as root; two listeners, one in an included file. */
export async function startMosquitto(setup: Setup): Promise<RunningServer> {
  const { directory, certificateFile, keyFile } = setup
  const user = await serviceUser('mosquitto')
  const [content, more] = [join(directory, 'data'), join(directory, 'conf.d')]
  for (const path of [content, more]) await mkdir(path, { mode: 0o755 })
  await giveTo(user, content, keyFile)
  const [first = 0, second = 0] = await freePorts(2)
  const config = join(directory, 'mosquitto.conf')
  const listener = (port: number) =>
    `listener ${port} 127.0.0.1\ncertfile ${certificateFile}\nkeyfile ${keyFile}\n`
  await writeFile(config, `pid_file ${content}/pid\ninclude_dir ${more}\n${listener(first)}`)
  await writeFile(join(more, 'second.conf'), listener(second))
  for (const file of [config, join(more, 'second.conf')]) await chmod(file, 0o644)
  const program = await startProgram(requireProgram('mosquitto'), ['-c', config], { user, cwd: '/' })
  await program.waitForOutput(/mosquitto version \S+ running/)
  return {
    options: { config },
    places: [{ port: first }, { port: second }],
    breakConfiguration: async () => {
      const text = await readFile(config, 'utf8')
      await writeFile(config, `${text}no_such_setting 1\n`)
      return () => writeFile(config, text)
    },
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  }
}
