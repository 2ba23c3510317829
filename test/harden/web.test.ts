/** The settings of web servers, in force in the real ones. */
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { join } from 'node:path'
import { test } from 'node:test'
import type { HardenedSettings } from '../../src/harden/hardened-settings.ts'
import { profiles } from '../../src/harden/profiles.ts'
import { startNginx } from '../support/nginx.ts'
import { freePort } from '../support/ports.ts'
import { requireProgram, skipWithout, startProgram } from '../support/programs.ts'
import { assertProfile } from './handshakes.ts'
import { untilListening } from './listening.ts'
import { makeSite, runToEnd, type Site } from './settings.ts'

type Started = AsyncDisposable & { readonly port: number }
type Row = {
  readonly server: string
  readonly program: string
  readonly start: (site: Site) => Promise<Started>
}

const rows: readonly Row[] = [
  { server: 'nginx', program: 'nginx', start: startNginxWith },
  { server: 'apache', program: 'apache2', start: startApache },
  { server: 'haproxy', program: 'haproxy', start: startHaproxy },
  { server: 'lighttpd', program: 'lighttpd', start: startLighttpd },
]

for (const { server, program, start } of rows) {
  for (const profile of profiles) {
    test(`${server}, ${profile}`, { skip: skipWithout(program), timeout: 120_000 }, async () => {
      await using site = await makeSite(server, { profile, hsts: '1w', staple: true })
      await using started = await start(site)
      await assertProfile(profile, started)
      assert.equal(await hstsOf(started), 'max-age=604800')
    })
  }
}

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
  const running = await startProgram(requireProgram('apache2'), ['-f', configFile, '-D', 'FOREGROUND'])
  await untilListening(port, running)
  return { port, [Symbol.asyncDispose]: () => running[Symbol.asyncDispose]() }
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
  const running = await startProgram(requireProgram('haproxy'), ['-db', ...args])
  await untilListening(port, running)
  return { port, [Symbol.asyncDispose]: () => running[Symbol.asyncDispose]() }
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
  const running = await startProgram(requireProgram('lighttpd'), ['-D', '-f', configFile])
  await untilListening(port, running)
  return { port, [Symbol.asyncDispose]: () => running[Symbol.asyncDispose]() }
}

/** Those that the text has as comments, to be copied elsewhere. */
function apartLines({ blocks }: HardenedSettings): readonly string[] {
  const apart = blocks.filter(block => block.apart === true)
  return apart.flatMap(({ settings }) => settings.map(({ text }) => text))
}

function hstsOf({ port }: Started): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>()
  const sent = request({ host: '127.0.0.1', port, rejectUnauthorized: false, agent: false }, reply => {
    reply.resume().once('end', () => resolve(reply.headers['strict-transport-security']))
  })
  sent.once('error', reject).end()
  return promise
}
