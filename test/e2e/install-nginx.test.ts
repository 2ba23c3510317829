/** Installing into the real nginx, through the command line, with the embedded CA. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { chmod, chown, mkdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
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
import { startCli } from '../support/cli.ts'
import {
  type InstallSite,
  type SitePorts,
  type SiteServer,
  startInstallSite,
  succeeded,
} from '../support/install-site.ts'
import { startNginx } from '../support/nginx.ts'
import { skipWithout } from '../support/programs.ts'
import { until } from '../support/wait.ts'

const skip = skipWithout('nginx', 'pebble-challtestsrv')
const timeout = 120_000
const challenge = '/.well-known/acme-challenge/'

const shop = ({ http, webroot }: SitePorts) => `# The shop.
server {
  listen 127.0.0.1:${http};   # plain
  server_name shop.example www.shop.example;
  root ${webroot};
  location /own { add_header X-Own yes; return 200 "own"; }
}
`

const startShop = () =>
  startInstallSite(async ports => {
    const nginx = await startNginx({ serverBlocks: shop(ports) })
    return { ...nginx, name: 'nginx' as const, ownFiles: /^(?:logs|temp|nginx\.pid)/ }
  })

test('a site on port 80 only: issued, installed, served, renewed, and byte for byte as before in the end', {
  skip,
  timeout,
}, async () => {
  await using site = await startShop()
  // As in sites-enabled: the link is to stay a link, the file its owner's.
  const real = join(site.server.directory, 'shop.available')
  await writeFile(real, await readFile(site.server.siteFile))
  await chmod(real, 0o640)
  if (process.getuid?.() === 0) await chown(real, 65534, 65534)
  await symlink('../shop.available', join(site.server.directory, 'sites', 'shop.conf'))
  await writeFile(site.server.siteFile, '# nothing here\n')
  await site.server.reload()
  const start = await site.snapshot()

  await site.issue()
  const dry = await site.install('--dry-run', '--redirect')
  succeeded(dry)
  assert.match(
    dry.stdout,
    /^\+\s+ssl_certificate .*live\/shop\.example\/fullchain\.pem; # certwright: shop\.example$/m,
  )
  assert.deepEqual(await site.snapshot(), start, 'a dry run changes nothing')

  const installed = await site.install('--yes', '--redirect', '--hsts')
  succeeded(installed)
  assert.match(installed.stdout, /ok, served by shop\.example at 127\.0\.0\.1:\d+, www\.shop\.example at/)
  assert.match(installed.stderr, /^\+.*listen 127\.0\.0\.1:\d+ ssl http2;/m)
  assert.equal(await site.served('www.shop.example'), await site.live())
  const facts = await stat(real)
  assert.equal(facts.mode & 0o777, 0o640)
  if (process.getuid?.() === 0) assert.equal(facts.uid, 65534)

  const redirected = await site.get('/a?b=c')
  assert.deepEqual(
    [redirected.status, redirected.headers.get('location')],
    [301, `https://shop.example:${site.ports.https}/a?b=c`],
  )
  for (const path of ['/', '/own']) {
    const answer = await site.secureGet(path)
    assert.equal(answer.headers.get('strict-transport-security'), 'max-age=300', path)
  }
  assert.equal((await site.secureGet('/')).text, 'the shop')
  assert.equal((await site.secureGet('/own')).headers.get('x-own'), 'yes')
  await mkdir(join(site.ports.webroot, challenge), { recursive: true })
  await writeFile(join(site.ports.webroot, challenge, 'token'), 'the answer')
  assert.deepEqual(
    (await site.get(`${challenge}token`)).text,
    'the answer',
    'the redirect does not swallow challenges',
  )

  const after = await site.snapshot()
  const again = await site.install('--yes')
  succeeded(again)
  assert.match(again.stdout, /nothing to do, it is installed into nginx/)
  assert.deepEqual(await site.snapshot(), after)

  const first = await site.live()
  succeeded(await site.run('renew', '--force', 'shop.example'))
  assert.notEqual(await site.live(), first)
  assert.equal(await site.served('shop.example'), await site.live(), 'the renewal reloads nginx')
  assert.match((await site.run('status')).stdout, /shop\.example +ok /)

  succeeded(await site.uninstall())
  assert.deepEqual(await site.snapshot(), start)
  await until('the plain site again', async () => ((await site.get('/')).status === 200 ? true : undefined))
  assert.equal((await site.get('/')).text, 'the shop')
  assert.match((await site.uninstall()).stdout, /nothing to do/)
  const { stdout } = await site.run('plan')
  assert.doesNotMatch(stdout, /deliver/, 'nobody looks for it there any more')
})

test('an edit that nginx does not accept goes back byte for byte', { skip, timeout }, async () => {
  await using site = await startShop()
  await site.issue()
  // The settings that are included want the same zone with another size.
  const other = `ssl_session_cache shared:certwright:1m;\n`
  await writeFile(join(site.server.directory, 'sites', 'a.conf'), other)
  const start = await site.snapshot()
  const { exitCode, stderr } = await site.install('--yes', '--redirect')
  assert.equal(exitCode, 1)
  assert.match(stderr, /shared memory zone "certwright" conflicts/)
  assert.match(stderr, /every file is as it was before, and nginx was reloaded with that/)
  assert.deepEqual(await site.snapshot(), start)
  assert.equal((await site.get('/')).text, 'the shop')
  assert.match((await site.uninstall()).stdout, /nothing to do/)
})

test('a configuration that is broken already is not touched', { skip, timeout }, async () => {
  await using site = await startShop()
  await site.issue()
  await writeFile(join(site.server.directory, 'sites', 'a.conf'), 'no_such_directive on;\n')
  const start = await site.snapshot()
  const { exitCode, stderr } = await site.install('--yes')
  assert.equal(exitCode, 1)
  assert.match(stderr, /does not accept its present configuration: .*no_such_directive.*a\.conf:1/)
  assert.deepEqual(await site.snapshot(), start)
})

test('a reload without effect is seen, and everything goes back', { skip, timeout }, async () => {
  await using site = await startShop()
  await site.issue()
  const start = await site.snapshot()
  const runtime = nodeRuntime()
  const options = { config: site.server.configFile, reload: ['/bin/true'] as [string] }
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
  await using site = await startShop()
  await site.issue()
  succeeded(await site.install('--yes', '--redirect'))
  const file = site.server.siteFile
  const installed = await readFile(file, 'utf8')
  await writeFile(file, `# a word of mine\n${installed.replace('"own";', '"mine";')}`)
  const more = await site.install('--yes', '--hsts')
  succeeded(more)
  assert.match(await readFile(file, 'utf8'), /^# a word of mine\n[^]*Strict-Transport-Security/)

  const uninstall = (...args: readonly string[]) => site.uninstall(...args)
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
  succeeded(await uninstall())
  assert.equal(
    await readFile(file, 'utf8'),
    `# a word of mine\n${shop(site.ports).replace('"own";', '"mine";')}`,
  )
})

test('a run that was killed between two files is put in order by the next one', {
  skip,
  timeout,
}, async () => {
  await using site = await startShop()
  const start = await site.snapshot()
  await site.issue()
  succeeded(await site.install('--yes', '--redirect'))
  const after = await site.snapshot()
  const record = join(site.state, 'installs', 'nginx.shop.example.json')
  const interrupt = async () => {
    await writeFile(record, (await readFile(record, 'utf8')).replace('"done"', '"applying"'))
    await rm(join(site.server.directory, 'certwright', 'shop.example-tls.conf'))
  }
  await interrupt()
  assert.equal((await site.server.test()).exitCode, 1)
  succeeded(await site.install('--yes'))
  assert.deepEqual(await site.snapshot(), after)
  await interrupt()
  succeeded(await site.uninstall())
  assert.deepEqual(await site.snapshot(), start)
})

test('killed at any moment, and taken out byte for byte after that', { skip, timeout }, async () => {
  await using site = await startShop()
  await site.issue()
  const start = await site.snapshot()
  const program = [
    'install',
    'nginx',
    'shop.example',
    '--server-config',
    site.server.configFile,
    '--redirect',
  ]
  const args = [...program, '--https-port', String(site.ports.https), '--yes', '--json']
  const flags = ['--config', site.configFile, '--state', site.state]
  const record = join(site.state, 'installs', 'nginx.shop.example.json')
  for (const waitMs of [0, 3, 10, 20, 40, 80, 160]) {
    await using run = await startCli([...args, ...flags])
    await until('the installation to begin, or to end', async () =>
      existsSync(record) || run.hasEnded() ? true : undefined,
    )
    await setTimeout(waitMs)
    run.signal('SIGKILL')
    await run.ended
    succeeded(await site.uninstall())
    assert.deepEqual(await site.snapshot(), start, `killed after ${waitMs} ms`)
  }
})

test('a certificate that is installed is not deleted', { skip, timeout }, async () => {
  await using site = await startShop()
  await site.issue()
  succeeded(await site.install('--yes'))
  const { exitCode, stderr } = await site.run('delete', 'shop.example', '--yes')
  assert.equal(exitCode, 1)
  assert.match(stderr, /hint: first take it out again: certwright uninstall nginx shop\.example/)
})

test('who cannot be asked must say yes beforehand', { skip, timeout }, async () => {
  await using site = await startShop()
  await site.issue()
  const start = await site.snapshot()
  const { exitCode, stderr } = await site.install()
  assert.equal(exitCode, 2)
  assert.match(stderr, /this needs a confirmation\nhint: add --yes/)
  assert.deepEqual(await site.snapshot(), start)
  assert.match((await site.run('install', 'ngnix', 'shop.example')).stderr, /did you mean nginx\?/)
})

async function storedShop({ configFile, state }: InstallSite<SiteServer>) {
  const runtime = nodeRuntime()
  const place = { file: configFile, dropIns: join(configFile, '..', 'certificates.d'), mustExist: true }
  const config = await loadConfig(place, {}, runtime)
  const spec = config.certificates.find(({ name }) => name === 'shop.example')
  assert.ok(spec)
  const stored = newest(await observeCertificate(state, spec.name, runtime))
  assert.ok(stored)
  return { spec, stored, deployable: deployableOf(state, spec, stored) }
}
