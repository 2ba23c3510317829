/** The settings of FTP servers, in force in the real ones. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from '../support/ports.ts'
import { requireProgram, startProgram } from '../support/programs.ts'
import { listening, type Row, testRows } from './rows.ts'
import { runToEnd, type Site } from './settings.ts'

const rows: readonly Row[] = [
  { server: 'proftpd', program: 'proftpd', needsRoot: true, start: startProftpd },
  {
    server: 'vsftpd',
    program: 'vsftpd',
    elsewhere: true,
    needsRoot: true,
    except: { onlyGroup: 'prime256v1', anySuite: true },
    without: 'modern',
    start: startVsftpd,
  },
]

testRows(rows)

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
