/** The settings of message servers, in force in the real ones. */
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort, freePorts } from '../support/ports.ts'
import { plainEnvironment, requireProgram, startProgram } from '../support/programs.ts'
import { listening, type Row, testRows } from './rows.ts'
import { runToEnd, type Site } from './settings.ts'

const rows: readonly Row[] = [
  { server: 'prosody', program: 'prosody', needsRoot: true, start: startProsody },
  {
    server: 'rabbitmq',
    program: 'rabbitmq-server',
    needsRoot: true,
    except: { anyGroup: true },
    start: startRabbitmq,
  },
]

testRows(rows)

async function startProsody({ directory, settingsFile, certificateFile, keyFile }: Site) {
  const port = await freePort()
  const configFile = join(directory, 'prosody.cfg.lua')
  const data = join(directory, 'data')
  await mkdir(data)
  await writeFile(
    configFile,
    [
      `data_path = "${data}"`,
      `pidfile = "${directory}/prosody.pid"`,
      'run_as_root = true',
      'interfaces = { "127.0.0.1" }',
      'c2s_ports = {}; s2s_ports = {}; http_ports = {}; https_ports = {}',
      `c2s_direct_tls_ports = { ${port} }`,
      'modules_enabled = { "tls", "saslauth" }',
      'modules_disabled = { "s2s", "http" }',
      'log = { { levels = { min = "info" }, to = "console" } }',
      await readFile(settingsFile, 'utf8'),
      'VirtualHost "localhost"',
      `c2s_direct_tls_ssl = { certificate = "${certificateFile}", key = "${keyFile}" }`,
      `certificate = "${certificateFile}"`,
      '',
    ].join('\n'),
  )
  const program = requireProgram('prosody')
  return await listening(await startProgram(program, ['--config', configFile, '-F']), { port })
}

async function startRabbitmq({ directory, settingsFile, certificateFile, keyFile }: Site) {
  const [port = 0, distribution = 0, mapper = 0] = await freePorts(3)
  const configFile = join(directory, 'rabbitmq.conf')
  await writeFile(
    configFile,
    [
      'listeners.tcp = none',
      `listeners.ssl.1 = 127.0.0.1:${port}`,
      `ssl_options.certfile = ${certificateFile}`,
      `ssl_options.keyfile = ${keyFile}`,
      `ssl_options.cacertfile = ${certificateFile}`,
      'ssl_options.verify = verify_none',
      await readFile(settingsFile, 'utf8'),
    ].join('\n'),
  )
  for (const name of ['data', 'log']) {
    await mkdir(join(directory, name))
    await chmod(join(directory, name), 0o777)
  }
  await writeFile(join(directory, 'plugins'), '[].\n')
  // Debian's program would look into the directories of the system first.
  const as = [
    '--reuid=rabbitmq',
    '--regid=rabbitmq',
    '--clear-groups',
    '/usr/lib/rabbitmq/bin/rabbitmq-server',
  ]
  const running = await startProgram(requireProgram('setpriv'), as, {
    env: {
      ...plainEnvironment(),
      HOME: join(directory, 'data'),
      RABBITMQ_CONFIG_FILE: configFile,
      RABBITMQ_MNESIA_BASE: join(directory, 'data'),
      RABBITMQ_LOG_BASE: join(directory, 'log'),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(directory, 'plugins'),
      RABBITMQ_NODENAME: `certwright${port}@localhost`,
      RABBITMQ_DIST_PORT: String(distribution),
      ERL_EPMD_PORT: String(mapper),
    },
  })
  const started = await listening(running, { port })
  return {
    ...started,
    async [Symbol.asyncDispose]() {
      await started[Symbol.asyncDispose]()
      await runToEnd('epmd', ['-port', String(mapper), '-kill']) // which it leaves behind
    },
  }
}
