/** The settings of databases, directories and brokers, in force in the real ones. */
import { mkdir, readFile, realpath, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { freePort } from '../support/ports.ts'
import { requireProgram, startProgram } from '../support/programs.ts'
import { listening, type Row, testRows } from './rows.ts'
import { runToEnd, type Site } from './settings.ts'

// Their processes are users of their own.
const servers: readonly Omit<Row, 'needsRoot'>[] = [
  // Before version 18 it takes one curve, and suites of TLS 1.3 are as OpenSSL has them.
  {
    server: 'postgresql',
    program: 'postgres',
    except: { onlyGroup: 'prime256v1', anySuite: true },
    start: startPostgresql,
  },
  { server: 'mariadb', program: 'mariadbd', except: { anyGroup: true }, start: startMariadb },
  { server: 'redis', program: 'redis-server', except: { anyGroup: true }, start: startRedis },
  {
    server: 'mosquitto',
    program: 'mosquitto',
    except: { anyGroup: true, never: 'tls1' },
    start: startMosquitto,
  },
  { server: 'slapd', program: 'slapd', start: startSlapd },
]

testRows(servers.map(row => ({ ...row, needsRoot: true })))

async function startPostgresql({ directory, settingsFile, certificateFile, keyFile }: Site) {
  const port = await freePort()
  const data = join(directory, 'data')
  await mkdir(data)
  const own = join(directory, 'own.key') // it refuses a key that others may read
  await writeFile(own, await readFile(keyFile), { mode: 0o600 })
  await runToEnd('chown', ['postgres', data, own])
  const programs = dirname(await realpath(requireProgram('postgres'))) // of one version
  const as = (program: string, args: readonly string[]) =>
    ['--reuid=postgres', '--regid=postgres', '--clear-groups', join(programs, program), ...args] as const
  await runToEnd('setpriv', as('initdb', ['-D', data, '-A', 'trust', '--no-sync', '--no-instructions']))
  await writeFile(
    join(data, 'postgresql.conf'),
    [
      "listen_addresses = '127.0.0.1'",
      `port = ${port}`,
      "unix_socket_directories = ''",
      'ssl = on',
      `ssl_cert_file = '${certificateFile}'`,
      `ssl_key_file = '${own}'`,
      `include = '${settingsFile}'`,
      '',
    ].join('\n'),
  )
  const running = await startProgram(requireProgram('setpriv'), as('postgres', ['-D', data]))
  return await listening(running, { port, starttls: 'postgres' })
}

async function startMariadb({ directory, settingsFile, certificateFile, keyFile }: Site) {
  const port = await freePort()
  const data = join(directory, 'data')
  await mkdir(data)
  await runToEnd('chown', ['mysql', data])
  const options = [`--defaults-file=${settingsFile}`, `--datadir=${data}`, '--user=mysql']
  const program = requireProgram('mariadbd')
  const running = await startProgram(program, [
    ...options,
    ...['--bind-address=127.0.0.1', `--port=${port}`, `--socket=${data}/socket`, `--pid-file=${data}/pid`],
    // No tables are needed for a handshake.
    ...['--skip-grant-tables', '--skip-networking=0', '--innodb-buffer-pool-size=8M', '--skip-log-bin'],
    ...[`--ssl-cert=${certificateFile}`, `--ssl-key=${keyFile}`],
  ])
  return await listening(running, { port, starttls: 'mysql' })
}

async function startRedis({ directory, settingsFile, certificateFile, keyFile }: Site) {
  const port = await freePort()
  const configFile = join(directory, 'redis.conf')
  await writeFile(
    configFile,
    [
      'bind 127.0.0.1',
      'port 0',
      `tls-port ${port}`,
      `tls-cert-file ${certificateFile}`,
      `tls-key-file ${keyFile}`,
      `tls-ca-cert-file ${certificateFile}`,
      'tls-auth-clients no',
      'save ""',
      `dir ${directory}`,
      `include ${settingsFile}`,
      '',
    ].join('\n'),
  )
  return await listening(await startProgram(requireProgram('redis-server'), [configFile]), { port })
}

async function startMosquitto({ directory, settingsFile, certificateFile, keyFile }: Site) {
  const port = await freePort()
  const configFile = join(directory, 'mosquitto.conf')
  await writeFile(
    configFile,
    [
      'user root',
      `listener ${port} 127.0.0.1`,
      `certfile ${certificateFile}`,
      `keyfile ${keyFile}`,
      await readFile(settingsFile, 'utf8'),
    ].join('\n'),
  )
  return await listening(await startProgram(requireProgram('mosquitto'), ['-c', configFile]), { port })
}

async function startSlapd({ directory, settingsFile, certificateFile, keyFile }: Site) {
  const port = await freePort()
  const config = join(directory, 'config')
  await mkdir(config)
  const before = join(directory, 'before.ldif')
  const socket = `ldapi://${encodeURIComponent(join(directory, 'ldapi'))}`
  await writeFile(
    before,
    [
      'dn: cn=config',
      'objectClass: olcGlobal',
      'cn: config',
      `olcPidFile: ${directory}/slapd.pid`,
      `olcTLSCertificateFile: ${certificateFile}`,
      `olcTLSCertificateKeyFile: ${keyFile}`,
      '',
      'dn: olcDatabase={0}config,cn=config',
      'objectClass: olcDatabaseConfig',
      'olcDatabase: {0}config',
      'olcAccess: to * by dn.base=gidNumber=0+uidNumber=0,cn=peercred,cn=external,cn=auth manage',
      '',
    ].join('\n'),
  )
  await runToEnd('slapadd', ['-n', '0', '-F', config, '-l', before])
  const running = await startProgram(requireProgram('slapd'), [
    ...['-F', config, '-h', `ldaps://127.0.0.1:${port} ${socket}`, '-d', '0'],
  ])
  const started = await listening(running, { port })
  await runToEnd('ldapmodify', ['-Q', '-Y', 'EXTERNAL', '-H', socket, '-f', settingsFile])
  return started
}
