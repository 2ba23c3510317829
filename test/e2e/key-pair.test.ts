/** An ECDSA and an RSA certificate for the same names in one server block of nginx, against Pebble. */
import assert from 'node:assert/strict'
import { copyFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { skipWithout } from '../support/programs.ts'
import { startWorld, type World } from '../support/world.ts'

const skip = skipWithout('pebble', 'nginx')
const timeout = 120_000
const names = ['shop.example', 'www.shop.example']
const keys = ['--key', 'ecdsa-p256', '--key', 'rsa-2048']

/** The second pair of lines in the server block. */
function rsaLines({ state }: World, key = join(state, 'live', 'shop.example-rsa', 'privkey.pem')): string {
  const certificate = join(state, 'live', 'shop.example-rsa', 'fullchain.pem')
  return `ssl_certificate ${certificate};\n  ssl_certificate_key ${key};`
}

async function ok(world: World, ...args: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await world.run(...args)
  assert.equal(exitCode, 0, `${stdout}\n${stderr}`)
  return stdout
}

/** What clients of either kind are given. */
async function seen(world: World) {
  const ecdsa = await world.served('www.shop.example', 'ecdsa')
  const rsa = await world.served('www.shop.example', 'rsa')
  assert.deepEqual([ecdsa.publicKey.asymmetricKeyType, rsa.publicKey.asymmetricKeyType], ['ec', 'rsa'])
  return { ecdsa: ecdsa.fingerprint256, rsa: rsa.fingerprint256 }
}

async function stored(world: World) {
  const [ecdsa, rsa] = [await world.live('shop.example'), await world.live('shop.example-rsa')]
  return { ecdsa: ecdsa.fingerprint256, rsa: rsa.fingerprint256 }
}

type Actions = {
  readonly actions: readonly { readonly name: string; readonly reason: { readonly code: string } }[]
}
type Rows = { readonly certificates: readonly { readonly name: string; readonly state: string }[] }

test('both certificates are issued, delivered once, seen, renewed together, verified and deleted', {
  skip,
  timeout,
}, async () => {
  await using world = await startWorld()
  await world.writeTlsSite('shop.example', names, { extra: rsaLines(world) })
  const issued = await ok(world, 'issue', ...names, ...keys)
  assert.match(issued, /shop\.example: issued for/)
  assert.match(issued, /shop\.example-rsa: issued for/)
  assert.match(issued, /served by shop\.example at 127\.0\.0\.1:\d+ \(ECDSA\)/)
  assert.match(issued, /served by shop\.example at 127\.0\.0\.1:\d+ \(RSA\)/)
  const first = await seen(world)
  assert.deepEqual(first, await stored(world))
  assert.equal(reloads(await world.nginx.errorLog()), 1, 'nginx is told of both at once')

  const { value: quiet } = await world.json('plan')
  assert.deepEqual(codesOf(quiet), ['shop.example up-to-date', 'shop.example-rsa up-to-date'])
  // Both were just issued: whoever wants one of them anew gets one.
  const { value: forced } = await world.json('plan', '--force', 'shop.example')
  assert.deepEqual(codesOf(forced), ['shop.example forced', 'shop.example-rsa up-to-date'])
  await ok(world, 'apply', '--force', 'shop.example', '--force', 'shop.example-rsa')
  const second = await seen(world)
  assert.deepEqual(second, await stored(world))
  assert.ok(second.ecdsa !== first.ecdsa && second.rsa !== first.rsa)
  assert.equal(reloads(await world.nginx.errorLog()), 2)

  await ok(world, 'verify')
  const status = (await world.json('status')).value as Rows
  assert.deepEqual(
    status.certificates.map(({ name, state }) => `${name} ${state}`),
    ['shop.example ok', 'shop.example-rsa ok'],
  )

  const refused = await world.run('delete', 'shop.example-rsa', '--yes')
  assert.match(refused.stderr, /certwright delete shop\.example removes both/)
  await ok(world, 'delete', 'shop.example', '--yes', '--force')
  assert.deepEqual(await readdir(join(world.state, 'live')), [])
  assert.deepEqual(await readdir(join(world.state, 'certificates')), [])
})

test('when the new RSA certificate is not accepted, both go back', { skip, timeout }, async () => {
  await using world = await startWorld()
  await world.writeTlsSite('shop.example', names, { extra: rsaLines(world) })
  await ok(world, 'issue', ...names, ...keys)
  const before = await seen(world)
  // Somebody copied the key, which will not fit the next certificate.
  const copy = join(world.state, '..', 'old.key')
  await copyFile(join(world.state, 'live', 'shop.example-rsa', 'privkey.pem'), copy)
  await world.writeTlsSite('shop.example', names, { extra: rsaLines(world, copy) })

  const { exitCode, stdout } = await world.run(
    'apply',
    '--force',
    'shop.example',
    '--force',
    'shop.example-rsa',
  )
  assert.equal(exitCode, 1)
  assert.match(stdout, /key values mismatch/)
  assert.deepEqual(await stored(world), before)
  assert.deepEqual(await seen(world), before)

  await world.writeTlsSite('shop.example', names, { extra: rsaLines(world) })
  await ok(world, 'apply', '--only', 'shop.example')
  const after = await seen(world)
  assert.deepEqual(after, await stored(world))
  assert.ok(after.ecdsa !== before.ecdsa && after.rsa !== before.rsa, 'what was obtained is delivered now')
})

test('an RSA certificate joins one that is there, and leaves it again', { skip, timeout }, async () => {
  await using world = await startWorld()
  await world.writeTlsSite('shop.example', names)
  await ok(world, 'issue', ...names)
  const alone = await world.served('shop.example')

  const unused = await world.run('issue', ...names, ...keys)
  assert.equal(unused.exitCode, 1)
  assert.match(
    unused.stdout,
    /add to the server block:\n\s+ssl_certificate \S+\/live\/shop\.example-rsa\/fullchain\.pem;/,
  )
  await world.writeTlsSite('shop.example', names, { extra: rsaLines(world) })
  await ok(world, 'apply', '--only', 'shop.example')
  const both = await seen(world)
  assert.equal(both.ecdsa, alone.fingerprint256, 'it is as good as it was')

  await ok(world, 'issue', ...names, '--key', 'ecdsa-p256')
  await world.writeTlsSite('shop.example', names)
  await world.nginx.reload()
  await ok(world, 'apply')
  const status = (await world.json('status')).value as { certificates: readonly { configured: boolean }[] }
  assert.deepEqual(
    status.certificates.map(({ configured }) => configured),
    [true, false],
  )
  await ok(world, 'delete', 'shop.example-rsa', '--yes')
  assert.deepEqual(await readdir(join(world.state, 'live')), ['shop.example'])
})

function codesOf(plan: unknown): readonly string[] {
  return (plan as Actions).actions.map(({ name, reason }) => `${name} ${reason.code}`)
}

/** How often nginx has read its configuration again. */
function reloads(log: string): number {
  return log.split('\n').filter(line => line.includes('(SIGHUP) received')).length
}
