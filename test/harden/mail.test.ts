/** The settings of mail servers, in force in the real ones. */
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from '../support/ports.ts'
import { requireProgram, startProgram } from '../support/programs.ts'
import { listening, type Row, testRows } from './rows.ts'
import { runToEnd, type Site } from './settings.ts'

// Their processes are users of their own.
const servers: readonly Omit<Row, 'needsRoot'>[] = [
  // Suites of TLS 1.3 are as OpenSSL has them.
  { server: 'postfix', program: 'postfix', except: { anySuite: true }, start: startPostfix },
  { server: 'dovecot', program: 'dovecot', start: startDovecot },
  { server: 'exim', program: 'exim4', elsewhere: true, start: startExim },
]

testRows(servers.map(row => ({ ...row, needsRoot: true })))

async function startPostfix({ directory, settingsFile, certificateFile, keyFile }: Site) {
  const port = await freePort()
  for (const name of ['queue', 'data']) await mkdir(join(directory, name))
  await runToEnd('chown', ['postfix', join(directory, 'data')])
  await writeFile(
    join(directory, 'main.cf'),
    [
      'compatibility_level = 3.6',
      `queue_directory = ${directory}/queue`,
      `data_directory = ${directory}/data`,
      'maillog_file_prefixes = /tmp, /var, /home',
      `maillog_file = ${directory}/mail.log`,
      'inet_interfaces = 127.0.0.1',
      'myhostname = mail.test',
      'mydestination =',
      'smtputf8_enable = no',
      'alias_maps =',
      'smtpd_tls_security_level = may',
      `smtpd_tls_chain_files = ${keyFile} ${certificateFile}`,
      await readFile(settingsFile, 'utf8'),
    ].join('\n'),
  )
  await writeFile(
    join(directory, 'master.cf'),
    [
      `127.0.0.1:${port} inet n - n - - smtpd`,
      'tlsmgr unix - - n 1000? 1 tlsmgr',
      'rewrite unix - - n - - trivial-rewrite',
      'anvil unix - - n - 1 anvil',
      'proxymap unix - - n - - proxymap',
      'postlog unix-dgram n - n - 1 postlogd',
      '',
    ].join('\n'),
  )
  await runToEnd('postfix', ['-c', directory, 'check'])
  // Not by the postfix command: it does not end when it is told to.
  const daemons = (await runToEnd('postconf', ['-h', 'daemon_directory'])).trim()
  const running = await startProgram(join(daemons, 'master'), ['-d', '-c', directory])
  return await listening(running, { port, starttls: 'smtp' })
}

async function startDovecot({ directory, settingsFile, certificateFile, keyFile }: Site) {
  const port = await freePort()
  const configFile = join(directory, 'dovecot.conf')
  await writeFile(
    configFile,
    [
      'protocols = imap',
      `base_dir = ${directory}/run`,
      `log_path = ${directory}/dovecot.log`,
      `state_dir = ${directory}`,
      'ssl = required',
      `ssl_cert = <${certificateFile}`,
      `ssl_key = <${keyFile}`,
      'listen = 127.0.0.1',
      'service imap-login {',
      '  inet_listener imap {',
      '    port = 0',
      '  }',
      '  inet_listener imaps {',
      `    port = ${port}`,
      '    ssl = yes',
      '  }',
      '  chroot =',
      '}',
      'passdb {',
      '  driver = static',
      '}',
      'userdb {',
      '  driver = static',
      '}',
      `!include ${settingsFile}`,
      '',
    ].join('\n'),
  )
  await runToEnd('doveconf', ['-c', configFile, '-n'])
  return await listening(await startProgram(requireProgram('dovecot'), ['-F', '-c', configFile]), { port })
}

async function startExim({ directory, settingsFile, certificateFile, keyFile }: Site) {
  const port = await freePort()
  const configFile = join(directory, 'exim.conf')
  for (const name of ['log', 'spool']) {
    await mkdir(join(directory, name))
    await chmod(join(directory, name), 0o777)
  }
  await chmod(keyFile, 0o644)
  await writeFile(
    configFile,
    [
      'keep_environment =',
      'primary_hostname = mail.test',
      `spool_directory = ${directory}/spool`,
      `log_file_path = ${directory}/log/%s`,
      `pid_file_path = ${directory}/exim.pid`,
      'local_interfaces = 127.0.0.1',
      `daemon_smtp_ports = ${port}`,
      'host_lookup =',
      'rfc1413_hosts =',
      'tls_advertise_hosts = *',
      `tls_certificate = ${certificateFile}`,
      `tls_privatekey = ${keyFile}`,
      await readFile(settingsFile, 'utf8'),
    ].join('\n'),
  )
  await runToEnd('exim4', ['-C', configFile, '-bV'])
  const running = await startProgram(requireProgram('exim4'), ['-C', configFile, '-bdf'])
  return await listening(running, { port, starttls: 'smtp' })
}
