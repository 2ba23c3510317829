/** One person, one machine, nginx: from the first command to the renewal, against Pebble and the real nginx. */
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { skipWithout } from '../support/programs.ts'
import { startWorld, type World } from '../support/world.ts'

const skip = skipWithout('pebble', 'nginx')
const timeout = 120_000

type Result = { readonly exitCode: number | undefined; readonly stdout: string; readonly stderr: string }
const ok = ({ exitCode, stdout, stderr }: Result) => assert.equal(exitCode, 0, `${stdout}\n${stderr}`)

test('a first certificate is issued, delivered, seen on the wire, renewed, revoked and deleted', {
  skip,
  timeout,
}, async () => {
  await using world = await startWorld()
  await world.writeTlsSite('shop.example', ['shop.example', 'www.shop.example'])

  const issued = await world.run('issue', 'shop.example', 'www.shop.example')
  ok(issued)
  assert.match(issued.stdout, /shop\.example: issued for shop\.example, www\.shop\.example/)
  assert.match(
    issued.stdout,
    /ok, served by shop\.example at 127\.0\.0\.1:\d+, www\.shop\.example at 127\.0\.0\.1/,
  )
  const first = await world.served('www.shop.example')
  assert.equal(first.fingerprint256, (await world.live('shop.example')).fingerprint256)
  assert.ok(first.verify((await issuerOf(world, 'shop.example')).publicKey))
  assert.deepEqual(await readdir(join(world.webroot)), [], 'the challenge directories that we made are gone')
  assert.equal((await stat(join(world.state, 'live', 'shop.example', 'privkey.pem'))).mode & 0o777, 0o600)

  const quiet = await world.run('renew')
  ok(quiet)
  assert.equal(quiet.stdout, '', 'nothing was due, so nothing is said')

  ok(await world.run('renew', '--force', 'shop.example'))
  const second = await world.served('shop.example')
  assert.notEqual(second.fingerprint256, first.fingerprint256)
  assert.ok(!second.publicKey.equals(first.publicKey), 'a renewal has a new key')
  ok(await world.run('verify'))

  const status = (await world.json('status')).value as { certificates: { state: string; name: string }[] }
  assert.deepEqual(
    status.certificates.map(({ name, state }) => [name, state]),
    [['shop.example', 'ok']],
  )

  const refused = await world.run('delete', 'shop.example', '--yes')
  assert.equal(refused.exitCode, 1)
  assert.match(refused.stderr, /still serves it/)

  ok(await world.run('revoke', 'shop.example', '--reason', 'superseded', '--yes'))
  const serial = second.serialNumber.toLowerCase().replace(/^0+/, '')
  const known = await world.pebble.manage(`/cert-status-by-serial/${serial}`)
  assert.match(known.text, /Revoked/)

  ok(await world.run('apply'))
  const third = await world.served('shop.example')
  assert.notEqual(third.fingerprint256, second.fingerprint256, 'a revoked certificate is replaced')

  ok(await world.run('delete', 'shop.example', '--yes', '--force'))
  assert.deepEqual(await readdir(join(world.state, 'certificates')), [])
  assert.deepEqual(await readdir(join(world.state, 'live')), [])
})

test('twenty and a hundred names in one certificate', { skip, timeout }, async () => {
  await using world = await startWorld({ nonceReject: 5, authzReuse: 50 })
  for (const count of [20, 100]) {
    const names = Array.from({ length: count }, (_, index) => `h${index}.n${count}.example`)
    const issued = await world.run('issue', ...names, '--name', `n${count}`)
    assert.match(issued.stdout, /issued for/, `${issued.stdout}\n${issued.stderr}`)
    assert.equal((await world.live(`n${count}`)).subjectAltName?.split(', ').length, count)
  }
})

for (const nonceReject of [0, 50]) {
  for (const authzReuse of [0, 100]) {
    test(`issue and renew with ${nonceReject} % of nonces refused and ${authzReuse} % of authorizations reused`, {
      skip,
      timeout,
    }, async () => {
      await using world = await startWorld({ nonceReject, authzReuse })
      await world.writeTlsSite('a.example', ['a.example'])
      ok(await world.run('issue', 'a.example', 'b.example'))
      ok(await world.run('renew', '--force', 'a.example'))
      assert.equal(
        (await world.served('a.example')).fingerprint256,
        (await world.live('a.example')).fingerprint256,
      )
    })
  }
}

test('a webroot that nginx does not serve is found before the CA is asked', { skip, timeout }, async () => {
  await using world = await startWorld()
  const wrong = join(world.state, '..', 'elsewhere')
  await mkdir(wrong)
  const { exitCode, stderr } = await world.run(
    'issue',
    'a.example',
    '--webroot',
    wrong,
    '--http-port',
    String(world.pebble.httpPort),
  )
  assert.equal(exitCode, 1)
  assert.match(stderr, /the CA was not asked, because its check would fail/)
  assert.match(stderr, /404/)
  assert.match(stderr, /hint: /)
  assert.deepEqual(await readdir(wrong), [], 'nothing is left in the webroot')
  assert.deepEqual(
    await readdir(join(world.configFile, '..', 'certificates.d')),
    [],
    'a name that never worked is not kept',
  )
})

test('a reload that does not take effect is found, and the old certificate is put back', {
  skip,
  timeout,
}, async () => {
  await using world = await startWorld()
  await world.writeTlsSite('a.example', ['a.example'])
  ok(await world.run('issue', 'a.example'))
  const first = await world.served('a.example')
  // A reload command that succeeds and does nothing.
  const config = await readFile(world.configFile, 'utf8')
  await writeFile(world.configFile, config.replace('nginx: {', 'nginx: { reload: [/bin/true],'))
  const { exitCode, stdout } = await world.run('renew', '--force', 'a.example')
  assert.equal(exitCode, 1)
  assert.match(stdout, /does not serve the new certificate/)
  assert.equal(
    (await world.live('a.example')).fingerprint256,
    first.fingerprint256,
    'the link leads to the old one again',
  )
  assert.equal((await world.served('a.example')).fingerprint256, first.fingerprint256)
  // The fault goes; the stored certificate is delivered without a new order.
  await writeFile(world.configFile, config)
  const orders = countOrders(world)
  ok(await world.run('apply'))
  assert.equal(countOrders(world), orders, 'no certificate was ordered again')
  assert.notEqual((await world.served('a.example')).fingerprint256, first.fingerprint256)
})

test('a configuration that is broken already is reported before a certificate is ordered', {
  skip,
  timeout,
}, async () => {
  await using world = await startWorld()
  await world.writeTlsSite('a.example', ['a.example'])
  ok(await world.run('issue', 'a.example'))
  const first = await world.served('a.example')
  const orders = countOrders(world)
  await world.writeTlsSite('a.example', ['a.example'], { extra: 'no_such_directive on;' })
  const { exitCode, stdout } = await world.run('renew', '--force', 'a.example')
  assert.equal(exitCode, 1)
  assert.match(stdout, /no_such_directive/)
  assert.equal(countOrders(world), orders, 'nothing was ordered that could not be used')
  assert.equal((await world.live('a.example')).fingerprint256, first.fingerprint256)
  assert.equal((await world.served('a.example')).fingerprint256, first.fingerprint256)
  await world.writeTlsSite('a.example', ['a.example'])
  ok(await world.run('renew', '--force', 'a.example'))
  assert.notEqual((await world.served('a.example')).fingerprint256, first.fingerprint256)
  assert.match((await world.run('status')).stdout, /a\.example +ok /)
})

test('a server that does not use the files is told the lines to add, and served after that', {
  skip,
  timeout,
}, async () => {
  await using world = await startWorld()
  const issued = await world.run('issue', 'a.example')
  assert.equal(issued.exitCode, 1)
  assert.match(issued.stdout, /ssl_certificate .*live\/a\.example\/fullchain\.pem/)
  await world.writeTlsSite('a.example', ['a.example'])
  ok(await world.run('deploy', 'a.example'))
  assert.equal(
    (await world.served('a.example')).fingerprint256,
    (await world.live('a.example')).fingerprint256,
  )
})

test('two at once on one certificate order it once', { skip, timeout }, async () => {
  await using world = await startWorld()
  await world.writeTlsSite('a.example', ['a.example'])
  await mkdir(join(world.configFile, '..', 'certificates.d'))
  await writeFile(join(world.configFile, '..', 'certificates.d', 'a.yaml'), 'certificates: { a.example: }\n')
  const both = await Promise.all([world.run('apply'), world.run('apply')])
  both.forEach(ok)
  assert.equal(countOrders(world), 1)
  assert.match(both.map(({ stderr }) => stderr).join(''), /waiting for .*pid \d+/)
})

function countOrders(world: World): number {
  return world.pebble.log().match(/Added order/g)?.length ?? 0
}

async function issuerOf(world: World, name: string): Promise<X509Certificate> {
  return new X509Certificate(await readFile(join(world.state, 'live', name, 'chain.pem')))
}
