/** Installing into the real nginx, through the command line, with the embedded CA. */
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { chmod, chown, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { isAppError } from '../../src/base/errors.ts'
import type { InstallWishes } from '../../src/contracts/installer.ts'
import { loadConfig } from '../../src/manage/config/load.ts'
import { deployableOf } from '../../src/manage/deployable.ts'
import { carryOut } from '../../src/manage/install/carry-out.ts'
import { prepareInstall } from '../../src/manage/install/prepare.ts'
import { newest } from '../../src/manage/observe/observation.ts'
import { observeCertificate } from '../../src/manage/observe/observe.ts'
import { createNginxDeployer } from '../../src/plugins/deployers/nginx/nginx.ts'
import { createNginxInstaller } from '../../src/plugins/installers/nginx/nginx-installer.ts'
import { nodeRuntime } from '../../src/runtime/node/runtime.ts'
import { startChallengeDns } from '../support/challenge-dns.ts'
import { runCli } from '../support/cli.ts'
import { type Nginx, startNginx } from '../support/nginx.ts'
import { freePorts } from '../support/ports.ts'
import { type Finished, skipWithout } from '../support/programs.ts'
import { tempDirectory } from '../support/temp-directory.ts'
import { until } from '../support/wait.ts'
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
  await until('the plain site again', async () => ((await site.get('/')).status === 200 ? true : undefined))
  assert.equal((await site.get('/')).text, 'the shop')
  assert.match((await site.run('uninstall', 'nginx', 'shop.example', '--yes')).stdout, /nothing to do/)
})

test('an edit that nginx does not accept goes back byte for byte', { skip, timeout }, async () => {
  await using site = await startSite(shop)
  await issueShop(site)
  // The settings that are included want the same zone with another size.
  const other = `ssl_session_cache shared:certwright:1m;\n`
  await writeFile(join(site.nginx.directory, 'sites', 'a.conf'), other)
  const start = await site.snapshot()
  const { exitCode, stderr } = await site.install('install', 'nginx', 'shop.example', '--redirect')
  assert.equal(exitCode, 1)
  assert.match(stderr, /shared memory zone "certwright" conflicts/)
  assert.match(stderr, /every file is as it was before, and nginx was reloaded with that/)
  assert.deepEqual(await site.snapshot(), start)
  assert.equal((await site.get('/')).text, 'the shop')
  assert.match((await site.run('uninstall', 'nginx', 'shop.example', '--yes')).stdout, /nothing to do/)
})

test('a configuration that is broken already is not touched', { skip, timeout }, async () => {
  await using site = await startSite(shop)
  await issueShop(site)
  await writeFile(join(site.nginx.directory, 'sites', 'a.conf'), 'no_such_directive on;\n')
  const start = await site.snapshot()
  const { exitCode, stderr } = await site.install('install', 'nginx', 'shop.example')
  assert.equal(exitCode, 1)
  assert.match(stderr, /does not accept its present configuration: .*no_such_directive.*a\.conf:1/)
  assert.deepEqual(await site.snapshot(), start)
})

test('a reload without effect is seen, and everything goes back', { skip, timeout }, async () => {
  await using site = await startSite(shop)
  await issueShop(site)
  const start = await site.snapshot()
  const runtime = nodeRuntime()
  const options = { config: site.nginx.configFile, reload: ['/bin/true'] as [string] }
  const { spec, stored, deployable } = await storedShop(site)
  const installer = createNginxInstaller(options, runtime)
  const { signal } = new AbortController()
  const wishes: InstallWishes = {
    ...{ redirect: true, profile: 'intermediate', serverNames: [], webroot: site.ports.webroot },
    ...{ httpPort: site.ports.http, httpsPort: site.ports.https },
  }
  const prepared = await prepareInstall(
    installer,
    deployable,
    { earlier: undefined, wishes, signal },
    runtime,
  )
  const steps: string[] = []
  await assert.rejects(
    carryOut(
      prepared,
      {
        ...{ state: site.state, spec, installer, deployer: createNginxDeployer(options, runtime), signal },
        shows: { certificate: stored, deployable },
        servedWithinMs: 300,
        onEvent: ({ text }) => void steps.push(text),
      },
      runtime,
    ),
    error =>
      isAppError(error, 'ERR_NOT_SERVED') &&
      /shop\.example at 127\.0\.0\.1:\d+: .*\n.*\nevery file is as it was before/.test(error.message),
  )
  assert.ok(steps.includes('putting every file back'))
  assert.deepEqual(await site.snapshot(), start)
})

test('what somebody writes beside our lines stays, and what is written into them is not guessed at', {
  skip,
  timeout,
}, async () => {
  await using site = await startSite(shop)
  await issueShop(site)
  ok(await site.install('install', 'nginx', 'shop.example', '--redirect'))
  const file = site.nginx.siteFile
  const installed = await readFile(file, 'utf8')
  await writeFile(file, `# a word of mine\n${installed.replace('"own";', '"mine";')}`)
  const more = await site.install('install', 'nginx', 'shop.example', '--hsts')
  ok(more)
  assert.match(await readFile(file, 'utf8'), /^# a word of mine\n[^]*Strict-Transport-Security/)

  const uninstall = (...args: readonly string[]) =>
    site.run('uninstall', 'nginx', 'shop.example', '--nginx-config', site.nginx.configFile, '--yes', ...args)
  const good = await readFile(file, 'utf8')
  await writeFile(file, good.replace('max-age=300', 'max-age=301'))
  const refused = await uninstall()
  assert.equal(refused.exitCode, 1)
  assert.match(
    refused.stderr,
    /default\.conf was edited since, and this is not found as it was written:\n +add_header Strict/,
  )
  assert.match(refused.stderr, /hint: take the lines out yourself .* --forget/)

  await writeFile(file, good)
  ok(await uninstall())
  assert.equal(
    await readFile(file, 'utf8'),
    `# a word of mine\n${shop(site.ports).replace('"own";', '"mine";')}`,
  )
})

test('a run that was killed between two files is put in order by the next one', {
  skip,
  timeout,
}, async () => {
  await using site = await startSite(shop)
  const start = await site.snapshot()
  await issueShop(site)
  ok(await site.install('install', 'nginx', 'shop.example', '--redirect'))
  const after = await site.snapshot()
  const record = join(site.state, 'installs', 'nginx.shop.example.json')
  const interrupt = async () => {
    await writeFile(record, (await readFile(record, 'utf8')).replace('"done"', '"applying"'))
    await rm(join(site.nginx.directory, 'certwright', 'shop.example-tls.conf'))
  }
  await interrupt()
  assert.equal((await site.nginx.test()).exitCode, 1)
  ok(await site.install('install', 'nginx', 'shop.example'))
  assert.deepEqual(await site.snapshot(), after)
  await interrupt()
  ok(await site.run('uninstall', 'nginx', 'shop.example', '--nginx-config', site.nginx.configFile, '--yes'))
  assert.deepEqual(await site.snapshot(), start)
})

test('who cannot be asked must say yes beforehand', { skip, timeout }, async () => {
  await using site = await startSite(shop)
  await issueShop(site)
  const start = await site.snapshot()
  const args = ['--nginx-config', site.nginx.configFile, '--https-port', String(site.ports.https)]
  const { exitCode, stderr } = await site.run('install', 'nginx', 'shop.example', ...args)
  assert.equal(exitCode, 2)
  assert.match(stderr, /this needs a confirmation\nhint: add --yes/)
  assert.deepEqual(await site.snapshot(), start)
  assert.match((await site.run('install', 'ngnix', 'shop.example')).stderr, /did you mean nginx\?/)
})

async function storedShop({ configFile, state }: Site) {
  const runtime = nodeRuntime()
  const place = { file: configFile, dropIns: join(configFile, '..', 'certificates.d'), mustExist: true }
  const config = await loadConfig(place, {}, runtime)
  const spec = config.certificates.find(({ name }) => name === 'shop.example')
  assert.ok(spec)
  const stored = newest(await observeCertificate(state, spec.name, runtime))
  assert.ok(stored)
  return { spec, stored, deployable: deployableOf(state, spec, stored) }
}

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
