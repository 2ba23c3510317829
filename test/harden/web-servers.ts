/** Web servers with settings that were written for them. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { HardenedSettings } from '../../src/harden/hardened-settings.ts'
import { startNginx } from '../support/nginx.ts'
import { freePort } from '../support/ports.ts'
import { requireProgram, startProgram } from '../support/programs.ts'
import { listening, type Started } from './rows.ts'
import { runToEnd, type Site } from './settings.ts'

/** One server block that includes the settings. */
export async function startNginxWith({ settingsFile, certificateFile, keyFile }: Site): Promise<Started> {
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

/** One virtual host that includes the settings. */
export async function startApache({
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

/** The settings in a file of their own, and a frontend. */
export async function startHaproxy({
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

/** One socket that includes the settings. */
export async function startLighttpd({
  directory,
  settingsFile,
  certificateFile,
  keyFile,
}: Site): Promise<Started> {
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
