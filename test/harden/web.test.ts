/** The settings of web servers, in force in the real ones. */
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { HardenedSettings } from '../../src/harden/hardened-settings.ts'
import type { Profile } from '../../src/harden/profiles.ts'
import { runCli } from '../support/cli.ts'
import { startNginx } from '../support/nginx.ts'
import { freePort } from '../support/ports.ts'
import { requireProgram, startProgram } from '../support/programs.ts'
import { listening, type Row, type Started, testRows } from './rows.ts'
import { runToEnd, type Site } from './settings.ts'

const rows: readonly Row[] = [
  { server: 'nginx', program: 'nginx', start: startNginxWith, look: seeGrade },
  { server: 'apache', program: 'apache2', start: startApache, look: seeGrade },
  { server: 'haproxy', program: 'haproxy', start: startHaproxy, look: seeGrade },
  { server: 'lighttpd', program: 'lighttpd', start: startLighttpd, look: seeGrade },
]

testRows(rows)

async function startNginxWith({ settingsFile, certificateFile, keyFile }: Site): Promise<Started> {
  const port = await freePort()
  const nginx = await startNginx({
    serverBlocks: `server {
      listen 127.0.0.1:${port} ssl; server_name localhost;
      ssl_certificate ${certificateFile}; ssl_certificate_key ${keyFile};
      include ${settingsFile};
      return 200 "served";
    }`,
  })
  return { port, [Symbol.asyncDispose]: () => nginx[Symbol.asyncDispose]() }
}

async function startApache({
  directory,
  settingsFile,
  settings,
  certificateFile,
  keyFile,
}: Site): Promise<Started> {
  const port = await freePort()
  const modules = ['mpm_event', 'authz_core', 'socache_shmcb', 'ssl', 'headers']
  const configFile = join(directory, 'apache.conf')
  await writeFile(
    configFile,
    [
      `ServerRoot ${directory}`,
      `DefaultRuntimeDir ${directory}`,
      `PidFile ${directory}/apache.pid`,
      `ErrorLog ${directory}/error.log`,
      'ServerName localhost',
      `DocumentRoot ${directory}`,
      `Listen 127.0.0.1:${port}`,
      ...modules.map(name => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`),
      ...apartLines(settings),
      `<VirtualHost *:${port}>`,
      'SSLEngine on',
      `SSLCertificateFile ${certificateFile}`,
      `SSLCertificateKeyFile ${keyFile}`,
      `Include ${settingsFile}`,
      '</VirtualHost>',
      '',
    ].join('\n'),
  )
  await runToEnd('apache2', ['-t', '-f', configFile])
  return await listening(
    await startProgram(requireProgram('apache2'), ['-f', configFile, '-D', 'FOREGROUND']),
    { port },
  )
}

async function startHaproxy({
  directory,
  settingsFile,
  settings,
  certificateFile,
  keyFile,
}: Site): Promise<Started> {
  const port = await freePort()
  const combined = join(directory, 'combined.pem')
  await writeFile(combined, `${await readFile(certificateFile, 'utf8')}${await readFile(keyFile, 'utf8')}`)
  const configFile = join(directory, 'haproxy.cfg')
  await writeFile(
    configFile,
    [
      'defaults',
      '  mode http',
      ...['client', 'server', 'connect'].map(name => `  timeout ${name} 5s`),
      'frontend https',
      `  bind 127.0.0.1:${port} ssl crt ${combined}`,
      ...apartLines(settings),
      '  http-request return status 200',
      '',
    ].join('\n'),
  )
  const args = ['-f', settingsFile, '-f', configFile]
  await runToEnd('haproxy', ['-c', ...args])
  return await listening(await startProgram(requireProgram('haproxy'), ['-db', ...args]), { port })
}

async function startLighttpd({ directory, settingsFile, certificateFile, keyFile }: Site): Promise<Started> {
  const port = await freePort()
  const configFile = join(directory, 'lighttpd.conf')
  await writeFile(
    configFile,
    [
      'server.modules = ( "mod_openssl", "mod_setenv" )',
      `server.document-root = "${directory}"`,
      'server.bind = "127.0.0.1"',
      `server.port = ${port}`,
      'ssl.engine = "enable"',
      `ssl.pemfile = "${certificateFile}"`,
      `ssl.privkey = "${keyFile}"`,
      `include "${settingsFile}"`,
      '',
    ].join('\n'),
  )
  await runToEnd('lighttpd', ['-tt', '-f', configFile])
  return await listening(await startProgram(requireProgram('lighttpd'), ['-D', '-f', configFile]), { port })
}

/** Those that the text has as comments, to be copied elsewhere. */
function apartLines({ blocks }: HardenedSettings): readonly string[] {
  const apart = blocks.filter(block => block.apart === true)
  return apart.flatMap(({ settings }) => settings.map(({ text }) => text))
}

/** The last step of HSTS, and with it the best grade; the old profile is what graders call B. */
async function seeGrade({ port }: Started, profile: Profile, { certificateFile }: Site): Promise<void> {
  const args = ['tls', 'grade', `127.0.0.1:${port}`, '--server-name', 'localhost', '--trust', certificateFile]
  const { stdout } = await runCli(args, { timeoutMs: 120_000 })
  assert.match(stdout, /^HSTS +730 d$/m)
  assert.equal(stdout.split(' ')[0], profile === 'old' ? 'B' : 'A+', stdout)
}
