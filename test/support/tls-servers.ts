/** Real servers on free ports of the loopback interface, each told its own TLS settings. */
import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import { connect } from 'node:net'
import { join } from 'node:path'
import type { TlsConfiguration } from '../oracles/tls-configurations.ts'
import { startNginx } from './nginx.ts'
import { freePorts } from './ports.ts'
import {
  plainEnvironment,
  type RunningProgram,
  requireProgram,
  runProgram,
  startProgram,
} from './programs.ts'
import { tempDirectory } from './temp-directory.ts'
import { type TlsCertificates, tlsCertificates } from './tls-certificates.ts'
import { until } from './wait.ts'

/** Where each configuration listens. */
export type TlsServers = AsyncDisposable & {
  readonly certificates: TlsCertificates
  readonly portOf: (configuration: TlsConfiguration) => number
}

type Placed = { readonly configuration: TlsConfiguration; readonly port: number }
type Setting = {
  readonly directory: string
  readonly certificates: TlsCertificates
  readonly global: GlobalSettings
}

/** Files of settings for a whole program. */
export type GlobalSettings = { readonly haproxy?: string; readonly lighttpd?: string }

/** Starts what the configurations need, one process for each program, and waits until all listen. */
export async function startTlsServers(
  configurations: readonly TlsConfiguration[],
  global: GlobalSettings = {},
): Promise<TlsServers> {
  await using started = new AsyncDisposableStack()
  const { path: directory } = started.use(await tempDirectory())
  const [issuerPort = 0, ...ports] = await freePorts(configurations.length + 1)
  const certificates = await tlsCertificates(
    join(directory, 'tls'),
    `http://127.0.0.1:${issuerPort}/issuer.der`,
  )
  const setting = { directory, certificates, global }
  await writePrimes(directory)
  const placed = configurations.map((configuration, index) => ({ configuration, port: ports[index] ?? 0 }))
  const of = (server: TlsConfiguration['server']) =>
    placed.filter(({ configuration }) => configuration.server === server)

  started.use(await nginxFor(of('nginx'), issuerPort, setting))
  if (of('apache').length > 0) started.use(await apacheFor(of('apache'), setting))
  if (of('haproxy').length > 0) started.use(await haproxyFor(of('haproxy'), setting))
  if (of('lighttpd').length > 0) started.use(await lighttpdFor(of('lighttpd'), setting))
  for (const one of of('openssl')) started.use(await opensslFor(one, setting))
  for (const one of of('slapd')) started.use(await slapdFor(one, setting))
  for (const one of of('node')) started.use(await nodeFor(one, setting))
  for (const { configuration, port } of placed)
    await until(`${configuration.name} listens`, () => listens(port))
  const all = started.move()
  return {
    certificates,
    portOf: wanted => {
      const found = placed.find(({ configuration }) => configuration.name === wanted.name)
      if (found === undefined) throw new Error(`${wanted.name} was not started`)
      return found.port
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

async function listens(port: number): Promise<true | undefined> {
  const socket = connect({ host: '127.0.0.1', port }).on('error', () => {})
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return undefined // not yet
  } finally {
    socket.destroy()
  }
}

async function writePrimes(directory: string): Promise<void> {
  const openssl = requireProgram('openssl')
  const group = ['genpkey', '-genparam', '-algorithm', 'DH', '-pkeyopt', 'group:ffdhe2048']
  await runProgram(openssl, [...group, '-out', join(directory, 'dh2048')])
  await runProgram(openssl, ['dhparam', '-dsaparam', '-out', join(directory, 'dh1024'), '1024'])
}

async function nginxFor(placed: readonly Placed[], issuerPort: number, { directory, certificates }: Setting) {
  // A key of 1024 bits is not even loaded otherwise.
  const weak = join(directory, 'openssl.cnf')
  await writeFile(weak, weakOpensslConfig)
  const blocks = placed.map(({ configuration: { certificates: names, settings, hsts }, port }) => [
    'server {',
    `  listen 127.0.0.1:${port} ssl;`,
    '  server_name localhost;',
    ...names.flatMap(name => [
      `  ssl_certificate ${certificates.files[name].chain};`,
      `  ssl_certificate_key ${certificates.files[name].key};`,
    ]),
    ...settings.map(line => `  ${line.replace('%', `${directory}/`)}`),
    ...(hsts === undefined ? [] : [`  add_header Strict-Transport-Security "${hsts}" always;`]),
    "  location / { return 200 'hello'; }",
    '}',
  ])
  const issuer = `server { listen 127.0.0.1:${issuerPort}; location = /issuer.der { alias ${certificates.issuer}; } }`
  return startNginx({
    serverBlocks: [...blocks.flat(), issuer, ''].join('\n'),
    env: { ...plainEnvironment(), OPENSSL_CONF: weak },
  })
}

const weakOpensslConfig = `openssl_conf = start
[start]
ssl_conf = ssl
[ssl]
system_default = default
[default]
MinProtocol = TLSv1
CipherString = DEFAULT@SECLEVEL=0
`

async function apacheFor(placed: readonly Placed[], { directory, certificates }: Setting) {
  const modules = ['mpm_event', 'authz_core', 'socache_shmcb', 'headers', 'ssl']
  const config = [
    `ServerRoot ${directory}`,
    'ServerName localhost',
    `PidFile ${directory}/apache.pid`,
    `ErrorLog ${directory}/apache.log`,
    `DefaultRuntimeDir ${directory}`,
    'Mutex posixsem',
    ...(process.getuid?.() === 0 ? ['User nobody', 'Group nogroup'] : []),
    ...modules.map(name => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`),
    ...placed.flatMap(({ configuration: { certificates: names, settings, hsts }, port }) => [
      `Listen 127.0.0.1:${port}`,
      `<VirtualHost 127.0.0.1:${port}>`,
      '  SSLEngine on',
      ...names.flatMap(name => [
        `  SSLCertificateFile ${certificates.files[name].chain}`,
        `  SSLCertificateKeyFile ${certificates.files[name].key}`,
      ]),
      ...settings.map(line => `  ${line}`),
      ...(hsts === undefined ? [] : [`  Header always set Strict-Transport-Security "${hsts}"`]),
      '</VirtualHost>',
    ]),
    '',
  ]
  const file = join(directory, 'apache.conf')
  await writeFile(file, config.join('\n'))
  return startProgram(requireProgram('apache2'), ['-f', file, '-DFOREGROUND'])
}

async function haproxyFor(placed: readonly Placed[], { directory, certificates, global }: Setting) {
  const times = ['connect', 'client', 'server'].map(name => `  timeout ${name} 10s`)
  const config = [
    'global',
    '  tune.ssl.default-dh-param 2048',
    'defaults',
    '  mode http',
    ...times,
    ...placed.flatMap(
      ({ configuration: { certificates: names, settings, hsts, front = [] }, port }, index) => [
        `frontend f${index}`,
        `  bind 127.0.0.1:${port} ssl ${names.map(name => `crt ${certificates.files[name].combined}`).join(' ')} ${settings.join(' ')}`,
        ...front.map(line => `  ${line}`),
        `  http-request return status 200${hsts === undefined ? '' : ` hdr Strict-Transport-Security "${hsts}"`}`,
      ],
    ),
    '',
  ]
  const file = join(directory, 'haproxy.cfg')
  await writeFile(file, config.join('\n'))
  return startProgram(requireProgram('haproxy'), [
    '-db',
    ...(global.haproxy === undefined ? [] : ['-f', global.haproxy]),
    '-f',
    file,
  ])
}

async function lighttpdFor(placed: readonly Placed[], { directory, certificates, global }: Setting) {
  const [unused = 0] = await freePorts(1)
  await mkdir(join(directory, 'empty'), { recursive: true })
  const config = [
    'server.modules = ("mod_openssl", "mod_setenv")',
    `server.document-root = "${directory}/empty"`,
    'server.bind = "127.0.0.1"',
    `server.port = ${unused}`,
    ...(global.lighttpd === undefined ? [] : [`include "${global.lighttpd}"`]),
    ...placed.flatMap(
      ({
        configuration: {
          certificates: [name = 'rsa'],
          settings,
          hsts,
        },
        port,
      }) => [
        `$SERVER["socket"] == "127.0.0.1:${port}" {`,
        '  ssl.engine = "enable"',
        `  ssl.pemfile = "${certificates.files[name].chain}"`,
        `  ssl.privkey = "${certificates.files[name].key}"`,
        ...settings.map(line => `  ${line}`),
        ...(hsts === undefined
          ? []
          : [`  setenv.add-response-header = ("Strict-Transport-Security" => "${hsts}")`]),
        '}',
      ],
    ),
    '',
  ]
  const file = join(directory, 'lighttpd.conf')
  await writeFile(file, config.join('\n'))
  return startProgram(requireProgram('lighttpd'), ['-D', '-f', file])
}

async function opensslFor(
  { configuration, port }: Placed,
  { certificates }: Setting,
): Promise<RunningProgram> {
  const { chain, issuers, key } = certificates.files[configuration.certificates[0] ?? 'rsa']
  const files = ['-cert', chain, '-cert_chain', issuers, '-key', key]
  const args = ['s_server', '-accept', `127.0.0.1:${port}`, '-www', ...files, ...configuration.settings]
  return startProgram(requireProgram('openssl'), args)
}

async function slapdFor({ configuration, port }: Placed, { directory, certificates }: Setting) {
  const { chain, key } = certificates.files[configuration.certificates[0] ?? 'rsa']
  const file = join(directory, 'slapd.conf')
  const lines = [
    `pidfile ${directory}/slapd.pid`,
    `TLSCertificateFile ${chain}`,
    `TLSCertificateKeyFile ${key}`,
    ...configuration.settings.map(priority => `TLSCipherSuite ${priority}`),
  ]
  await writeFile(file, `${lines.join('\n')}\n`)
  return startProgram(requireProgram('slapd'), ['-f', file, '-h', `ldaps://127.0.0.1:${port}`, '-d', '0'])
}

async function nodeFor({ configuration, port }: Placed, { certificates }: Setting): Promise<AsyncDisposable> {
  const { chain, key } = certificates.files[configuration.certificates[0] ?? 'rsa']
  const pem = { cert: await readFile(chain), key: await readFile(key) }
  const server = createServer({ ...pem, ecdhCurve: configuration.settings[0] ?? 'auto' }, (_, reply) => {
    if (configuration.hsts !== undefined) reply.setHeader('Strict-Transport-Security', configuration.hsts)
    reply.end('hello')
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}
