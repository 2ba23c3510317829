/** The real RabbitMQ, with everything it reads and writes in a directory of its own, and a port mapper of its own. */
import { chmod, chown, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePorts } from '../support/ports.ts'
import { plainEnvironment, requireProgram, startProgram } from '../support/programs.ts'
import { giveTo, serviceUser } from '../support/service-user.ts'
import type { RunningServer, Setup } from './server-case.ts'

/** Packages have programs that insist on a user and on directories of the machine; these are behind them. */
const programs = '/usr/lib/rabbitmq/bin'
const startMs = 120_000
const privateMode = 0o400

/** Starts RabbitMQ in the foreground, as its own user where tests run as root; AMQP and, by a plugin, MQTT. */
export async function startRabbitmq(setup: Setup): Promise<RunningServer> {
  await using started = new AsyncDisposableStack()
  const { directory, certificateFile, keyFile } = setup
  const user = await serviceUser('rabbitmq')
  const [home, tools, content] = [join(directory, 'home'), join(directory, 'tools'), join(directory, 'data')]
  for (const path of [home, tools, content]) await mkdir(path, { mode: 0o755 })
  await giveTo(user, home, content, keyFile)
  const [amqps = 0, mqtts = 0, nodePort = 0, mapperPort = 0] = await freePorts(4)
  const config = join(directory, 'rabbitmq.conf')
  await writeFile(
    config,
    `listeners.tcp = none
listeners.ssl.default = 127.0.0.1:${amqps}
mqtt.listeners.tcp = none
mqtt.listeners.ssl.default = 127.0.0.1:${mqtts}
ssl_options.certfile = ${certificateFile}
ssl_options.keyfile = ${keyFile}
ssl_options.verify = verify_none
`,
  )
  await writeFile(join(directory, 'plugins'), '[rabbitmq_mqtt].')
  for (const file of [config, join(directory, 'plugins')]) await chmod(file, 0o644)
  const environment = {
    LANG: 'C.UTF-8',
    RABBITMQ_NODENAME: `certwright-${mapperPort}@localhost`,
    RABBITMQ_CONF_ENV_FILE: '/dev/null',
    RABBITMQ_CONFIG_FILE: config,
    RABBITMQ_ENABLED_PLUGINS_FILE: join(directory, 'plugins'),
    RABBITMQ_MNESIA_BASE: content,
    RABBITMQ_LOG_BASE: content,
    RABBITMQ_LOGS: '-',
    RABBITMQ_DIST_PORT: String(nodePort),
    ERL_EPMD_PORT: String(mapperPort),
    ERL_EPMD_ADDRESS: '127.0.0.1',
  }
  const cookie = 'CERTWRIGHTTEST'
  const cookieOf = async (
    place: string,
    text: string,
    owner: { readonly uid: number; readonly gid: number },
  ) => {
    const file = join(place, '.erlang.cookie')
    await chmod(file, 0o600).catch(() => {}) // the first time it is not there
    await writeFile(file, text)
    await chown(file, owner.uid, owner.gid)
    await chmod(file, privateMode)
  }
  await cookieOf(home, cookie, user)
  const own = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
  await cookieOf(tools, cookie, own)
  const program = join(tools, 'rabbitmqctl')
  const lines = Object.entries({ ...environment, HOME: tools }).map(
    ([name, value]) => `export ${name}='${value}'\n`,
  )
  await writeFile(program, `#!/bin/sh\n${lines.join('')}exec ${programs}/rabbitmqctl "$@"\n`, { mode: 0o755 })

  const mapper = ['-port', String(mapperPort), '-address', '127.0.0.1']
  started.use(await startProgram(requireProgram('epmd'), mapper, { user, cwd: '/' }))
  const node = started.use(
    await startProgram(join(programs, 'rabbitmq-server'), [], {
      user,
      cwd: '/',
      stopMs: 30_000,
      env: {
        ...plainEnvironment(),
        ...environment,
        HOME: home,
        // The process that is started is the node itself then, and no shell that waits for it.
        RABBITMQ_ALLOW_INPUT: '1',
        // One scheduler, and no file is forgotten but when that is said.
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-noinput +S 1:1 -ssl ssl_pem_cache_clean 3600000',
      },
    }),
  )
  await node.waitForOutput(/Server startup complete/, { timeoutMs: startMs })
  const all = started.move()
  return {
    options: { config, program },
    places: [{ port: amqps }, { port: mqtts }],
    // It reads its configuration once; who asks has to know its secret.
    breakConfiguration: async () => {
      await cookieOf(tools, 'ANOTHER', own)
      return () => cookieOf(tools, cookie, own)
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}
