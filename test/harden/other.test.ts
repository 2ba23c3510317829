/** The settings of the other servers, in force in the real ones. */
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort, freePorts } from '../support/ports.ts'
import { plainEnvironment, requireProgram, startProgram } from '../support/programs.ts'
import { listening, type Row, testRows } from './rows.ts'
import { runToEnd, type Site } from './settings.ts'

// Their processes are users of their own.
const servers: readonly Omit<Row, 'needsRoot'>[] = [
  { server: 'nghttpx', program: 'nghttpx', start: startNghttpx },
  { server: 'stunnel', program: 'stunnel4', start: startStunnel },
  { server: 'prosody', program: 'prosody', start: startProsody },
  { server: 'proftpd', program: 'proftpd', start: startProftpd },
  // Debian's version has no TLS 1.3 yet.
  {
    server: 'coturn',
    program: 'turnserver',
    except: { anyGroup: true, anySuite: true, never: 'tls1_3' },
    without: 'modern',
    start: startCoturn,
  },
  {
    server: 'vsftpd',
    program: 'vsftpd',
    elsewhere: true,
    except: { onlyGroup: 'prime256v1', anySuite: true },
    without: 'modern',
    start: startVsftpd,
  },
  { server: 'rabbitmq', program: 'rabbitmq-server', except: { anyGroup: true }, start: startRabbitmq },
]

testRows(servers.map(row => ({ ...row, needsRoot: true })))

async function startNghttpx({ settingsFile, certificateFile, keyFile }: Site) {
  const [port = 0, backend = 0] = await freePorts(2)
  return await listening(
    await startProgram(requireProgram('nghttpx'), [
      `--conf=${settingsFile}`,
      `--frontend=127.0.0.1,${port}`,
      `--backend=127.0.0.1,${backend}`,
      ...['--workers=1', '--no-ocsp', keyFile, certificateFile],
    ]),
    { port },
  )
}

async function startStunnel({ directory, settingsFile, certificateFile, keyFile }: Site) {
  const [port = 0, backend = 0] = await freePorts(2)
  const configFile = join(directory, 'stunnel.conf')
  await writeFile(
    configFile,
    [
      'foreground = yes',
      'pid =',
      await readFile(settingsFile, 'utf8'),
      '[test]',
      `accept = 127.0.0.1:${port}`,
      `connect = 127.0.0.1:${backend}`,
      `cert = ${certificateFile}`,
      `key = ${keyFile}`,
      '',
    ].join('\n'),
  )
  return await listening(await startProgram(requireProgram('stunnel4'), [configFile]), { port })
}

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

async function startProftpd({ directory, settingsFile, certificateFile, keyFile }: Site) {
  const port = await freePort()
  const configFile = join(directory, 'proftpd.conf')
  await writeFile(
    configFile,
    [
      'ModulePath /usr/lib/proftpd',
      'LoadModule mod_tls.c',
      'ServerName test',
      'ServerType standalone',
      `Port ${port}`,
      'DefaultAddress 127.0.0.1',
      'UseIPv6 off',
      'UseReverseDNS off',
      'User nobody',
      'Group nogroup',
      'WtmpLog off',
      'AuthOrder mod_auth_unix.c',
      `PidFile ${directory}/proftpd.pid`,
      `ScoreboardFile ${directory}/scoreboard`,
      `DelayTable none`,
      `SystemLog ${directory}/log`,
      'TLSEngine on',
      `TLSRSACertificateFile ${certificateFile}`,
      `TLSRSACertificateKeyFile ${keyFile}`,
      await readFile(settingsFile, 'utf8'),
    ].join('\n'),
  )
  await runToEnd('proftpd', ['-t', '-c', configFile])
  const running = await startProgram(requireProgram('proftpd'), ['-n', '-q', '-c', configFile])
  return await listening(running, { port, starttls: 'ftp' })
}

async function startCoturn({ directory, settingsFile, certificateFile, keyFile }: Site) {
  const [plain = 0, port = 0, other = 0, fourth = 0] = await freePorts(4)
  const configFile = join(directory, 'turnserver.conf')
  await writeFile(
    configFile,
    [
      'listening-ip=127.0.0.1',
      'relay-ip=127.0.0.1',
      `listening-port=${plain}`,
      `tls-listening-port=${port}`,
      `alt-listening-port=${other}`,
      `alt-tls-listening-port=${fourth}`,
      'no-cli',
      'no-auth',
      'no-udp',
      'no-dtls',
      `userdb=${directory}/turndb`,
      `pidfile=${directory}/turnserver.pid`,
      'log-file=stdout',
      `cert=${certificateFile}`,
      `pkey=${keyFile}`,
      await readFile(settingsFile, 'utf8'),
    ].join('\n'),
  )
  return await listening(await startProgram(requireProgram('turnserver'), ['-c', configFile]), { port })
}

async function startVsftpd({ directory, settingsFile, certificateFile, keyFile }: Site) {
  const port = await freePort()
  const configFile = join(directory, 'vsftpd.conf')
  const empty = join(directory, 'empty')
  await mkdir(empty)
  await writeFile(
    configFile,
    [
      'listen=YES',
      'listen_address=127.0.0.1',
      `listen_port=${port}`,
      'background=NO',
      'anonymous_enable=YES',
      `secure_chroot_dir=${empty}`,
      'nopriv_user=nobody',
      'ftp_username=nobody',
      'seccomp_sandbox=NO',
      'ssl_enable=YES',
      `rsa_cert_file=${certificateFile}`,
      `rsa_private_key_file=${keyFile}`,
      await readFile(settingsFile, 'utf8'),
    ].join('\n'),
  )
  const running = await startProgram(requireProgram('vsftpd'), [configFile])
  return await listening(running, { port, starttls: 'ftp' })
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
