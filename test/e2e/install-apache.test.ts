/** Installing into the real Apache httpd, through the command line, with the embedded CA. */
import assert from 'node:assert/strict'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { startApache } from '../support/apache.ts'
import { type SitePorts, startInstallSite, succeeded } from '../support/install-site.ts'
import { skipWithout } from '../support/programs.ts'
import { until } from '../support/wait.ts'

const skip = skipWithout('apache2', 'pebble-challtestsrv')
const timeout = 120_000
const challenge = '/.well-known/acme-challenge/'

const shop = ({ http, webroot }: SitePorts) => `# The shop.
<VirtualHost *:${http}>
  ServerName shop.example
  ServerAlias www.shop.example
  DocumentRoot ${webroot}
  <Directory ${webroot}>
    Require all granted
  </Directory>
  Header set X-Own yes
</VirtualHost>
`

const startShop = () =>
  startInstallSite(async ports => {
    const apache = await startApache({ listen: `Listen 127.0.0.1:${ports.http}`, hosts: shop(ports) })
    return { ...apache, name: 'apache' as const, ownFiles: /^run/ }
  })

test('a site on port 80 only: issued, installed, served, renewed, and byte for byte as before in the end', {
  skip,
  timeout,
}, async () => {
  await using site = await startShop()
  const start = await site.snapshot()
  await site.issue()
  const dry = await site.install('--dry-run', '--redirect')
  succeeded(dry)
  assert.match(dry.stdout, /^\+\s+SSLCertificateFile ".*live\/shop\.example\/fullchain\.pem"$/m)
  assert.deepEqual(await site.snapshot(), start, 'a dry run changes nothing')

  const installed = await site.install('--yes', '--redirect', '--hsts')
  succeeded(installed)
  assert.match(installed.stdout, /ok, served by shop\.example at 127\.0\.0\.1:\d+, www\.shop\.example at/)
  assert.equal(await site.served('www.shop.example'), await site.live())
  const redirected = await site.get('/a?b=c')
  assert.deepEqual(
    [redirected.status, redirected.headers.get('location')],
    [301, `https://shop.example:${site.ports.https}/a?b=c`],
  )
  const page = await site.secureGet('/')
  assert.equal(page.text, 'the shop')
  assert.equal(page.headers.get('x-own'), 'yes')
  assert.equal(page.headers.get('strict-transport-security'), 'max-age=300')
  await mkdir(join(site.ports.webroot, challenge), { recursive: true })
  await writeFile(join(site.ports.webroot, challenge, 'token'), 'the answer')
  assert.equal(
    (await site.get(`${challenge}token`)).text,
    'the answer',
    'the redirect does not swallow challenges',
  )

  const after = await site.snapshot()
  const again = await site.install('--yes')
  succeeded(again)
  assert.match(again.stdout, /nothing to do, it is installed into apache/)
  assert.deepEqual(await site.snapshot(), after)

  const first = await site.live()
  succeeded(await site.run('renew', '--force', 'shop.example'))
  assert.notEqual(await site.live(), first)
  assert.equal(await site.served('shop.example'), await site.live(), 'the renewal reloads Apache')

  succeeded(await site.uninstall())
  assert.deepEqual(await site.snapshot(), start)
  await until('the plain site again', async () => ((await site.get('/')).status === 200 ? true : undefined))
})

test('without a redirect the site answers both ways, and a redirect can be asked for later', {
  skip,
  timeout,
}, async () => {
  await using site = await startShop()
  const start = await site.snapshot()
  await site.issue()
  succeeded(await site.install('--yes'))
  assert.equal((await site.secureGet('/')).text, 'the shop')
  assert.equal((await site.get('/')).text, 'the shop')
  succeeded(await site.install('--yes', '--redirect'))
  await until('the redirect', async () => ((await site.get('/')).status === 301 ? true : undefined))
  assert.equal((await site.secureGet('/')).text, 'the shop')
  succeeded(await site.uninstall())
  assert.deepEqual(await site.snapshot(), start)
})

test('an edit that Apache does not accept goes back byte for byte', { skip, timeout }, async () => {
  await using site = await startShop()
  await site.issue()
  // Whatever is included from there is refused.
  const config = await readFile(site.server.configFile, 'utf8')
  const own = join(site.server.directory, 'certwright')
  const forbids = `<IfFile "${own}/shop.example-tls.conf">\nNoSuchDirective on\n</IfFile>\n`
  await writeFile(site.server.configFile, `${config}${forbids}`)
  const start = await site.snapshot()
  const { exitCode, stderr } = await site.install('--yes', '--redirect')
  assert.equal(exitCode, 1)
  assert.match(stderr, /NoSuchDirective/)
  assert.match(stderr, /every file is as it was before, and apache was reloaded with that/)
  assert.deepEqual(await site.snapshot(), start)
  assert.equal((await site.get('/')).text, 'the shop')
})

test('an Apache without mod_ssl is told how to get it', { skip, timeout }, async () => {
  await using site = await startShop()
  await site.issue()
  const config = await readFile(site.server.configFile, 'utf8')
  await writeFile(site.server.configFile, config.replace(/^LoadModule ssl_module.*\n/m, ''))
  const { exitCode, stderr } = await site.install('--yes')
  assert.equal(exitCode, 1)
  assert.match(stderr, /Apache runs without mod_ssl\nhint: load it with LoadModule/)
})
