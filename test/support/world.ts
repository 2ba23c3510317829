/** One server as administrators know it: a CA, a web server, a configuration file, and the command line. */

import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { runCli } from './cli.ts'
import { type Nginx, startNginx } from './nginx.ts'
import { type Pebble, type PebbleOptions, startPebble } from './pebble.ts'
import { freePort } from './ports.ts'
import type { Finished } from './programs.ts'
import { tempDirectory } from './temp-directory.ts'

export type World = AsyncDisposable & {
  readonly pebble: Pebble
  readonly nginx: Nginx
  readonly httpsPort: number
  readonly webroot: string
  readonly configFile: string
  readonly state: string
  /** Flags that every command needs here. */
  readonly flags: readonly string[]
  /** Runs a command with them. */
  run(...args: readonly string[]): Promise<Finished>
  /** The same with `--json`, parsed. */
  json(
    ...args: readonly string[]
  ): Promise<{ readonly exitCode: number | undefined; readonly value: unknown; readonly stderr: string }>
  /** The certificate that nginx serves for a name, where it has two, to clients that can do only one kind of key. */
  served(name: string, keyKind?: 'rsa' | 'ecdsa'): Promise<X509Certificate>
  /** The certificate in `live/`. */
  live(name: string): Promise<X509Certificate>
  /** Writes the server blocks: port 80's stand-in with the challenge location, and a TLS server for the names. */
  writeTlsSite(
    certificate: string,
    names: readonly string[],
    options?: { readonly extra?: string; readonly keyFile?: string },
  ): Promise<void>
}

/** What an administrator has on the first day: nginx with a challenge location, and a configuration with the CA. */
export async function startWorld(pebbleOptions: PebbleOptions = {}): Promise<World> {
  await using started = new AsyncDisposableStack()
  const { path: directory } = started.use(await tempDirectory())
  const httpPort = pebbleOptions.httpPort ?? (await freePort())
  const httpsPort = await freePort()
  const webroot = join(directory, 'webroot')
  const state = join(directory, 'state')
  await mkdir(webroot)
  const pebble = started.use(await startPebble({ ...pebbleOptions, httpPort }))
  const httpServer = `server {
  listen 127.0.0.1:${httpPort};
  server_name _;
  location ^~ /.well-known/acme-challenge/ { root ${webroot}; default_type text/plain; }
  location / { return 301 https://$host$request_uri; }
}
`
  const nginx = started.use(await startNginx({ serverBlocks: httpServer }))
  const configFile = join(directory, 'certwright.yaml')
  await writeFile(
    configFile,
    `authority: { directory: "${pebble.directory}", trust: ${pebble.trustFile} }
account: { email: admin@example.com, agree-to-terms: true }
resolvers: ["${pebble.dnsServer}"]
defaults:
  solvers: { http-01: { webroot: ${webroot}, port: ${httpPort} } }
  deploy: [{ nginx: { config: ${nginx.configFile}, prefix: ${nginx.directory}/ } }]
`,
  )
  const flags = ['--config', configFile, '--state', state]
  const all = started.move()
  const run = (...args: readonly string[]) => runCli([...args, ...flags], { timeoutMs: 120_000 })
  return {
    pebble,
    nginx,
    httpsPort,
    webroot,
    configFile,
    state,
    flags,
    run,
    async json(...args) {
      const { exitCode, stdout, stderr } = await run(...args, '--json')
      return { exitCode, value: JSON.parse(stdout), stderr }
    },
    served: (name, keyKind) => servedAt(httpsPort, name, keyKind),
    live: async name => new X509Certificate(await readFile(join(state, 'live', name, 'cert.pem'))),
    writeTlsSite: (certificate, names, { extra = '', keyFile } = {}) =>
      nginx.writeSite(`${httpServer}
server {
  listen 127.0.0.1:${httpsPort} ssl;
  server_name ${names.join(' ')};
  ssl_certificate ${join(state, 'live', certificate, 'fullchain.pem')};
  ssl_certificate_key ${keyFile ?? join(state, 'live', certificate, 'privkey.pem')};
  ${extra}
}
`),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

/** The certificate that is served at a port of this machine for a name. */
export async function servedAt(
  port: number,
  name: string,
  keyKind?: 'rsa' | 'ecdsa',
): Promise<X509Certificate> {
  const sigalgs = keyKind && { rsa: 'RSA-PSS+SHA256:RSA+SHA256', ecdsa: 'ECDSA+SHA256' }[keyKind]
  const socket = connect({
    ...{ host: '127.0.0.1', port, servername: name, rejectUnauthorized: false },
    ...(sigalgs !== undefined && { sigalgs }),
  })
  try {
    await once(socket, 'secureConnect')
    const certificate = socket.getPeerX509Certificate()
    if (certificate === undefined) throw new Error('nothing was served')
    return certificate
  } finally {
    socket.destroy()
  }
}
