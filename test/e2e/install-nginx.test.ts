/** Installing into the real nginx, through the command line, with the embedded CA. */
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { chmod, chown, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { nodeRuntime } from '../../src/runtime/node/runtime.ts'
import { startChallengeDns } from '../support/challenge-dns.ts'
import { runCli } from '../support/cli.ts'
import { type Nginx, startNginx } from '../support/nginx.ts'
import { freePorts } from '../support/ports.ts'
import { type Finished, skipWithout } from '../support/programs.ts'
import { tempDirectory } from '../support/temp-directory.ts'
import { servedAt } from '../support/world.ts'

const skip = skipWithout('nginx', 'pebble-challtestsrv')
const timeout = 120_000
const challenge = '/.well-known/acme-challenge/'

type Ports = { readonly http: number; readonly https: number; readonly webroot: string }
type Site = AsyncDisposable & {
  readonly nginx: Nginx
  readonly ports: Ports
  readonly state: string
  readonly configFile: string
  run(...args: readonly string[]): Promise<Finished>
  /** With the flags that installing needs here. */
  install(...args: readonly string[]): Promise<Finished>
  get(
    path: string,
    host?: string,
  ): Promise<{ readonly status: number; readonly location: string | undefined; readonly text: string }>
  served(name: string): Promise<string>
  live(name: string): Promise<string>
  /** Every file of the configuration with its content, by name. */
  snapshot(): Promise<ReadonlyMap<string, string>>
}

/** A site that answers on port 80's stand-in only. */
async function startSite(blocks: (ports: Ports) => string): Promise<Site> {
  await using started = new AsyncDisposableStack()
  const { path: directory } = started.use(await tempDirectory())
  const [http = 0, https = 0] = await freePorts(2)
  const webroot = join(directory, 'www')
  await mkdir(webroot)
  await writeFile(join(webroot, 'index.html'), 'the shop')
  const ports = { http, https, webroot }
  const dns = started.use(await startChallengeDns())
  const nginx = started.use(await startNginx({ serverBlocks: blocks(ports) }))
  const configFile = join(directory, 'certwright.yaml')
  const state = join(directory, 'state')
  await writeFile(configFile, `authority: embedded\nresolvers: ["${dns.address}"]\n`)
  const runtime = nodeRuntime()
  const run = (...args: readonly string[]) =>
    runCli([...args, '--config', configFile, '--state', state], { timeoutMs: 110_000 })
  const all = started.move()
  return {
    ...{ nginx, ports, state, configFile, run },
    install: (...args) =>
      run(...args, '--nginx-config', nginx.configFile, '--https-port', String(https), '--yes'),
    async get(path, host = 'shop.example') {
      const { status, headers, body } = await runtime.http(`http://127.0.0.1:${http}${path}`, {
        method: 'GET',
        headers: { host },
      })
      return { status, location: headers.get('location') ?? undefined, text: new TextDecoder().decode(body) }
    },
    served: async name => (await servedAt(https, name)).fingerprint256,
    live: async name =>
      new X509Certificate(await readFile(join(state, 'live', name, 'cert.pem'))).fingerprint256,
    async snapshot() {
      const found = new Map<string, string>()
      for (const name of (await readdir(nginx.directory, { recursive: true })).toSorted()) {
        if (/^(?:logs|temp|nginx\.pid)/.test(name)) continue
        const path = join(nginx.directory, name)
        const facts = await stat(path)
        const content = facts.isFile() ? await readFile(path, 'latin1') : ''
        found.set(name, `${facts.mode.toString(8)} ${facts.uid}:${facts.gid} ${content}`)
      }
      return found
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

const shop = ({ http, webroot }: Ports) => `# The shop.
server {
  listen 127.0.0.1:${http};   # plain
  server_name shop.example www.shop.example;
  root ${webroot};
  location /own { add_header X-Own yes; return 200 "own"; }
}
`

const ok = ({ exitCode, stdout, stderr }: Finished) => assert.equal(exitCode, 0, `${stdout}\n${stderr}`)

async function issueShop(site: Site): Promise<void> {
  ok(
    await site.run(
      ...['issue', 'shop.example', 'www.shop.example', '--webroot', site.ports.webroot],
      ...['--http-port', String(site.ports.http), '--agree-terms'],
    ),
  )
}

test('a site on port 80 only: issued, installed, served, renewed, and byte for byte as before in the end', {
  skip,
  timeout,
}, async () => {
  await using site = await startSite(shop)
  // As in sites-enabled: the link is to stay a link, the file its owner's.
  const real = join(site.nginx.directory, 'shop.available')
  await writeFile(real, await readFile(site.nginx.siteFile))
  await chmod(real, 0o640)
  if (process.getuid?.() === 0) await chown(real, 65534, 65534)
  await symlink('../shop.available', join(site.nginx.directory, 'sites', 'shop.conf'))
  await writeFile(site.nginx.siteFile, '# nothing here\n')
  await site.nginx.reload()
  const start = await site.snapshot()

  await issueShop(site)
  const dry = await site.run(
    'install',
    'nginx',
    'shop.example',
    '--nginx-config',
    site.nginx.configFile,
    '--https-port',
    String(site.ports.https),
    '--dry-run',
    '--redirect',
  )
  ok(dry)
  assert.match(
    dry.stdout,
    /^\+\s+ssl_certificate .*live\/shop\.example\/fullchain\.pem; # certwright: shop\.example$/m,
  )
  assert.deepEqual(await site.snapshot(), start, 'a dry run changes nothing')

  const installed = await site.install('install', 'nginx', 'shop.example', '--redirect', '--hsts')
  ok(installed)
  assert.match(installed.stdout, /ok, served by shop\.example at 127\.0\.0\.1:\d+, www\.shop\.example at/)
  assert.match(installed.stderr, /^\+.*listen 127\.0\.0\.1:\d+ ssl http2;/m)
  assert.equal(await site.served('www.shop.example'), await site.live('shop.example'))
  const facts = await stat(real)
  assert.equal(facts.mode & 0o777, 0o640)
  if (process.getuid?.() === 0) assert.equal(facts.uid, 65534)

  const redirected = await site.get('/a?b=c')
  assert.deepEqual(
    [redirected.status, redirected.location],
    [301, `https://shop.example:${site.ports.https}/a?b=c`],
  )
  for (const path of ['/', '/own']) {
    const answer = await secureGet(site, path)
    assert.equal(answer.headers.get('strict-transport-security'), 'max-age=300', path)
  }
  assert.equal((await secureGet(site, '/')).text, 'the shop')
  assert.equal((await secureGet(site, '/own')).headers.get('x-own'), 'yes')
  await mkdir(join(site.ports.webroot, challenge), { recursive: true })
  await writeFile(join(site.ports.webroot, challenge, 'token'), 'the answer')
  assert.deepEqual(
    (await site.get(`${challenge}token`)).text,
    'the answer',
    'the redirect does not swallow challenges',
  )

  const after = await site.snapshot()
  const again = await site.install('install', 'nginx', 'shop.example')
  ok(again)
  assert.match(again.stdout, /nothing to do, it is installed into nginx/)
  assert.deepEqual(await site.snapshot(), after)

  const first = await site.live('shop.example')
  ok(await site.run('renew', '--force', 'shop.example'))
  assert.notEqual(await site.live('shop.example'), first)
  assert.equal(
    await site.served('shop.example'),
    await site.live('shop.example'),
    'the renewal reloads nginx',
  )
  assert.match((await site.run('status')).stdout, /shop\.example +ok /)

  ok(await site.run('uninstall', 'nginx', 'shop.example', '--nginx-config', site.nginx.configFile, '--yes'))
  assert.deepEqual(await site.snapshot(), start)
  assert.equal((await site.get('/')).text, 'the shop')
  assert.match((await site.run('uninstall', 'nginx', 'shop.example', '--yes')).stdout, /nothing to do/)
})

async function secureGet({ ports }: Site, path: string) {
  const { request } = await import('node:https')
  const { promise, resolve, reject } = Promise.withResolvers<{ headers: Headers; text: string }>()
  request(
    {
      ...{
        host: '127.0.0.1',
        port: ports.https,
        path,
        servername: 'shop.example',
        rejectUnauthorized: false,
      },
      headers: { host: 'shop.example' },
    },
    response => {
      let text = ''
      response.setEncoding('utf8').on('data', part => {
        text += part
      })
      response.on('end', () =>
        resolve({ headers: new Headers(response.headers as Record<string, string>), text }),
      )
    },
  )
    .on('error', reject)
    .end()
  return await promise
}
