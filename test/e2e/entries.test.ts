/** Entries of several kinds, through the command line, against Pebble. */
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { skipWithout } from '../support/programs.ts'
import { startWorld, type World } from '../support/world.ts'

const skip = skipWithout('pebble', 'nginx')
const timeout = 60_000

/** Issues without a delivery: what nginx says of its configuration is another test's matter. */
async function issue(world: World, ...args: readonly string[]): Promise<string> {
  const { stdout, stderr } = await world.run('issue', ...args)
  assert.match(stdout, /: issued for /, `${stdout}\n${stderr}`)
  return stdout
}

test('an address, an international name and every kind of key', { skip, timeout }, async () => {
  await using world = await startWorld()
  await issue(world, '127.0.0.1', '--key', 'rsa-3072')
  assert.match((await world.live('127.0.0.1')).subjectAltName ?? '', /IP Address:127\.0\.0\.1/)
  await issue(world, 'bücher.example', '--key', 'ecdsa-p384')
  const international = await world.live('xn--bcher-kva.example')
  assert.equal(international.subjectAltName, 'DNS:xn--bcher-kva.example')
  assert.equal(international.publicKey.asymmetricKeyDetails?.namedCurve, 'secp384r1')
  assert.equal((await world.live('127.0.0.1')).publicKey.asymmetricKeyDetails?.modulusLength, 3_072)
})

test('a name that is added later keeps what was said before, and the key where that is wanted', {
  skip,
  timeout,
}, async () => {
  await using world = await startWorld()
  await issue(world, 'a.example', '--reuse-key', '--key', 'ecdsa-p384')
  const before = await world.live('a.example')
  await issue(world, 'a.example', 'b.example')
  const after = await world.live('a.example')
  assert.equal(after.subjectAltName, 'DNS:a.example, DNS:b.example')
  assert.ok(after.publicKey.equals(before.publicKey), 'reuse-key and the kind of key are still in the entry')
  const entry = await readFile(join(world.configFile, '..', 'certificates.d', 'a.example.yaml'), 'utf8')
  assert.match(entry, /reuse-key: true/)

  const again = await world.run('issue', 'a.example', 'b.example')
  assert.match(again.stdout, /nothing to do|delivered/, 'the same command again orders nothing')
  assert.equal((await world.live('a.example')).fingerprint256, after.fingerprint256)
})

test('what a person wrote into a drop-in outlives issue and delete', { skip, timeout }, async () => {
  await using world = await startWorld()
  await issue(world, 'a.example')
  const dropIn = join(world.configFile, '..', 'certificates.d', 'a.example.yaml')
  const own = '  # of the other team\n  other.example:\n    key: rsa-2048 # for old clients\n'
  await writeFile(dropIn, (await readFile(dropIn, 'utf8')) + own)

  await issue(world, 'a.example', 'b.example')
  const added = await readFile(dropIn, 'utf8')
  assert.ok(added.includes(own), added)
  assert.match(added, /- b\.example\n/)

  const deleted = await world.run('delete', 'a.example', '--yes', '--force')
  assert.equal(deleted.exitCode, 0, deleted.stderr)
  const left = await readFile(dropIn, 'utf8')
  assert.ok(left.includes('other.example:\n    key: rsa-2048 # for old clients\n'), left)
  assert.doesNotMatch(left, /a\.example/)
})

test('each name is proven where its rule says', { skip, timeout }, async () => {
  await using world = await startWorld()
  const shop = join(world.configFile, '..', 'shop')
  await mkdir(shop)
  const server = (names: string, root: string) => `server {
  listen 127.0.0.1:${world.pebble.httpPort};
  server_name ${names};
  location /.well-known/acme-challenge/ { root ${root}; }
}
`
  await world.nginx.writeSite(server('_', world.webroot) + server('*.shop.example', shop))
  await world.nginx.reload()
  const config = await readFile(world.configFile, 'utf8')
  const port = world.pebble.httpPort
  await writeFile(
    world.configFile,
    `${config}certificates:
  shop:
    identifiers: [www.shop.example, blog.example]
    deploy: []
    solvers:
      - { for: ["*.shop.example"], http-01: { webroot: ${shop}, port: ${port} } }
      - http-01: { webroot: ${world.webroot}, port: ${port} }
`,
  )
  const applied = await world.run('apply')
  assert.match(applied.stdout, /: issued for /, applied.stderr)
  assert.equal((await world.live('shop')).subjectAltName, 'DNS:www.shop.example, DNS:blog.example')
  for (const root of [shop, world.webroot]) assert.deepEqual(await readdir(root), [], 'taken away again')
})

test('the chain is the one that is preferred, by name or by hash; another preference reissues nothing', {
  skip,
  timeout,
}, async () => {
  await using world = await startWorld({ alternateRoots: 2 })
  const [first = '', , third = ''] = await world.pebble.rootsPem()
  const nameOf = (pem: string) => /CN=(.+)$/m.exec(new X509Certificate(pem).subject)?.[1] ?? ''
  const issuerOfChain = async (name: string) => {
    const chain = await readFile(join(world.state, 'live', name, 'chain.pem'), 'utf8')
    const last = chain.slice(chain.lastIndexOf('-----BEGIN'))
    return /CN=(.+)$/m.exec(new X509Certificate(last).issuer)?.[1]
  }
  await issue(world, 'a.example', '--preferred-chain', nameOf(third))
  assert.equal(await issuerOfChain('a.example'), nameOf(third))

  const intermediate = (await world.pebble.manage('/intermediates/2')).text
  await issue(world, 'b.example', '--preferred-chain', new X509Certificate(intermediate).fingerprint256)
  assert.equal(await issuerOfChain('b.example'), nameOf(third))

  const { stderr } = await world.run('issue', 'c.example', '--preferred-chain', 'Nobody Root')
  assert.match(stderr, /no chain leads to "Nobody Root"/)
  assert.equal(await issuerOfChain('c.example'), nameOf(first))

  const again = await world.run('issue', 'c.example', '--preferred-chain', nameOf(third))
  assert.doesNotMatch(again.stdout, /: issued for /)
})
