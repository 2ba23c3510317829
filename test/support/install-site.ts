/** A site that answers plain requests only, on a real server, and everything that installing a certificate needs. */
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { join } from 'node:path'
import { nodeRuntime } from '../../src/runtime/node/runtime.ts'
import { startChallengeDns } from './challenge-dns.ts'
import { runCli } from './cli.ts'
import { freePorts } from './ports.ts'
import type { Finished } from './programs.ts'
import { tempDirectory } from './temp-directory.ts'
import { servedAt } from './world.ts'

/** What the configuration of the server is made from. */
export type SitePorts = { readonly http: number; readonly https: number; readonly webroot: string }

/** A server that runs, with its configuration. */
export type SiteServer = AsyncDisposable & {
  readonly name: 'nginx' | 'apache'
  readonly directory: string
  readonly configFile: string
  /** What below the directory is no configuration. */
  readonly ownFiles: RegExp
}

type Answer = {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  readonly text: string
}

export type InstallSite<Server extends SiteServer> = AsyncDisposable & {
  readonly server: Server
  readonly ports: SitePorts
  readonly state: string
  readonly configFile: string
  run(...args: readonly string[]): Promise<Finished>
  /** `certwright install SERVER shop.example` with the flags that it needs here. */
  install(...args: readonly string[]): Promise<Finished>
  uninstall(...args: readonly string[]): Promise<Finished>
  /** Issues a certificate for shop.example and www.shop.example by the webroot. */
  issue(): Promise<void>
  get(path: string): Promise<Answer>
  secureGet(path: string): Promise<Answer>
  /** Fingerprints. */
  served(name: string): Promise<string>
  live(): Promise<string>
  /** Every file of the configuration with its mode, owner and content, by name. */
  snapshot(): Promise<ReadonlyMap<string, string>>
}

const host = 'shop.example'

/** Starts it, with the embedded CA as authority. */
export async function startInstallSite<Server extends SiteServer>(
  startServer: (ports: SitePorts) => Promise<Server>,
): Promise<InstallSite<Server>> {
  await using started = new AsyncDisposableStack()
  const { path: directory } = started.use(await tempDirectory())
  await chmod(directory, 0o755) // workers of the server read the page
  const [http = 0, https = 0] = await freePorts(2)
  const webroot = join(directory, 'www')
  await mkdir(webroot)
  await writeFile(join(webroot, 'index.html'), 'the shop')
  const ports = { http, https, webroot }
  const dns = started.use(await startChallengeDns())
  const server = started.use(await startServer(ports))
  const configFile = join(directory, 'certwright.yaml')
  const state = join(directory, 'state')
  await writeFile(configFile, `authority: embedded\nresolvers: ["${dns.address}"]\n`)
  const runtime = nodeRuntime()
  const run = (...args: readonly string[]) =>
    runCli([...args, '--config', configFile, '--state', state], { timeoutMs: 110_000 })
  const config = ['--server-config', server.configFile]
  const all = started.move()
  return {
    ...{ server, ports, state, configFile, run },
    install: (...args) =>
      run('install', server.name, host, ...config, '--https-port', String(https), ...args),
    uninstall: (...args) => run('uninstall', server.name, host, ...config, '--yes', ...args),
    async issue() {
      const names = [host, `www.${host}`, '--webroot', webroot, '--http-port', String(http)]
      succeeded(await run('issue', ...names, '--agree-terms'))
    },
    async get(path) {
      const url = `http://127.0.0.1:${http}${path}`
      const { status, headers, body } = await runtime.http(url, { method: 'GET', headers: { host } })
      return { status, headers, text: new TextDecoder().decode(body) }
    },
    secureGet: path => secureGet(https, path),
    served: async name => (await servedAt(https, name)).fingerprint256,
    live: async () =>
      new X509Certificate(await readFile(join(state, 'live', host, 'cert.pem'))).fingerprint256,
    snapshot: () => snapshot(server),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

/** Fails with what a command has said. */
export function succeeded({ exitCode, stdout, stderr }: Finished): void {
  assert.equal(exitCode, 0, `${stdout}\n${stderr}`)
}

async function snapshot({ directory, ownFiles }: SiteServer): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>()
  for (const name of (await readdir(directory, { recursive: true })).toSorted()) {
    if (ownFiles.test(name)) continue
    const facts = await stat(join(directory, name))
    const content = facts.isFile() ? await readFile(join(directory, name), 'latin1') : ''
    found.set(name, `${facts.mode.toString(8)} ${facts.uid}:${facts.gid} ${content}`)
  }
  return found
}

async function secureGet(port: number, path: string): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const where = { host: '127.0.0.1', port, path, servername: host, rejectUnauthorized: false }
  request({ ...where, headers: { host } }, response => {
    let text = ''
    response.setEncoding('utf8').on('data', (part: string) => {
      text += part
    })
    response.on('end', () => {
      const entries = Object.entries(response.headers).map(([name, value]): [string, string] => [
        name,
        String(value),
      ])
      resolve({ status: response.statusCode ?? 0, headers: new Map(entries), text })
    })
  })
    .on('error', reject)
    .end()
  return await promise
}
