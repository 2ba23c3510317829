/** A certificate whose key is never seen: for a CSR that OpenSSL made, against Pebble, served by nginx with its own key file. */
import assert from 'node:assert/strict'
import { readdir, readFile, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { requireProgram, runProgram, skipWithout } from '../support/programs.ts'
import { startWorld } from '../support/world.ts'

const skip = skipWithout('pebble', 'nginx', 'openssl')
const timeout = 60_000

type RequestFiles = { readonly csr: string; readonly key: string }

/** A new key and a request for it, as administrators make them. */
async function makeRequest({ csr, key }: RequestFiles, names: readonly string[], kind = 'rsa:2048') {
  const { exitCode, stderr } = await runProgram(requireProgram('openssl'), [
    ...['req', '-new', '-nodes', '-newkey', kind, '-keyout', key, '-out', csr, '-subj', `/CN=${names[0]}`],
    ...['-addext', `subjectAltName=${names.map(name => `DNS:${name}`).join(',')}`],
  ])
  assert.equal(exitCode, 0, stderr)
}

test('a certificate for a CSR is issued, served with the key that we never see, reissued for another key, and revoked', {
  skip,
  timeout,
}, async () => {
  await using world = await startWorld()
  const directory = dirname(world.configFile)
  const files = { csr: join(directory, 'shop.csr'), key: join(directory, 'shop.key') }
  const names = ['shop.example', 'www.shop.example']
  await makeRequest(files, names)
  await world.writeTlsSite('shop.example', names, { keyFile: files.key })

  const issued = await world.run('issue', '--csr', files.csr)
  assert.equal(issued.exitCode, 0, `${issued.stdout}\n${issued.stderr}`)
  assert.match(issued.stdout, /issued for shop\.example, www\.shop\.example/)
  assert.match(issued.stdout, /fullchain\.pem; its key is where the CSR was made/)
  const first = await world.served('www.shop.example')
  assert.equal(first.fingerprint256, (await world.live('shop.example')).fingerprint256)
  assert.deepEqual(await readdir(join(world.state, 'live', 'shop.example')), [
    ...['cert.pem', 'chain.pem', 'fullchain.pem', 'meta.json'],
  ])
  const quiet = await world.run('apply')
  assert.deepEqual([quiet.exitCode, quiet.stdout], [0, ''], quiet.stderr)

  const renewed = await world.run('apply', '--force', 'shop.example')
  assert.equal(renewed.exitCode, 0, `${renewed.stdout}\n${renewed.stderr}`)
  const second = await world.served('shop.example')
  assert.notEqual(second.fingerprint256, first.fingerprint256)
  assert.ok(second.publicKey.equals(first.publicKey), 'there is no other key than that of the CSR')

  // From here until the new certificate is there, key and certificate of nginx do not fit together.
  const next = { csr: `${files.csr}.new`, key: `${files.key}.new` }
  await makeRequest(next, names)
  await rename(next.key, files.key)
  await rename(next.csr, files.csr)
  const plan = (await world.json('plan')).value as {
    readonly actions: readonly { reason: { code: string } }[]
  }
  assert.equal(plan.actions[0]?.reason.code, 'key-differs')
  const replaced = await world.run('apply')
  assert.equal(replaced.exitCode, 0, `${replaced.stdout}\n${replaced.stderr}`)
  const third = await world.served('shop.example')
  assert.ok(!third.publicKey.equals(first.publicKey))

  const revoked = await world.run('revoke', 'shop.example', '--yes')
  assert.equal(revoked.exitCode, 0, revoked.stderr)
})

test('a key that does not fit leaves the earlier certificate where it was', { skip, timeout }, async () => {
  await using world = await startWorld()
  const directory = dirname(world.configFile)
  const files = { csr: join(directory, 'a.csr'), key: join(directory, 'a.key') }
  await makeRequest(files, ['a.example'])
  await world.writeTlsSite('a.example', ['a.example'], { keyFile: files.key })
  const issued = await world.run('issue', '--csr', files.csr)
  assert.equal(issued.exitCode, 0, `${issued.stdout}\n${issued.stderr}`)
  const before = await world.live('a.example')

  await makeRequest({ ...files, key: join(directory, 'other.key') }, ['a.example'])
  const failed = await world.run('apply')
  assert.equal(failed.exitCode, 1)
  assert.match(failed.stdout, /key values mismatch|PEM_read|does not serve|does not accept/)
  assert.equal((await world.live('a.example')).fingerprint256, before.fingerprint256)
  assert.equal((await world.served('a.example')).fingerprint256, before.fingerprint256)
})

test('an entry goes from a key of ours to a CSR and keeps what else it says', { skip, timeout }, async () => {
  await using world = await startWorld()
  const directory = dirname(world.configFile)
  const files = { csr: join(directory, 'a.csr'), key: join(directory, 'a.key') }
  await makeRequest(files, ['a.example'], 'rsa:3072')
  await world.run('issue', 'a.example', '--key', 'ecdsa-p384', '--reuse-key', '--preferred-chain', 'X')
  const own = await world.live('a.example')
  await world.run('issue', 'a.example', '--csr', files.csr)
  assert.ok(!(await world.live('a.example')).publicKey.equals(own.publicKey))
  const entry = await readFile(join(directory, 'certificates.d', 'a.example.yaml'), 'utf8')
  assert.match(entry, /preferred-chain: X\n/)
  assert.match(entry, /csr: .*a\.csr\n/)
  assert.doesNotMatch(entry, /key:|identifiers:/)
  const { value } = await world.json('show', 'a.example')
  const { generations } = value as { readonly generations: readonly { readonly files: object }[] }
  assert.deepEqual(
    generations.map(generation => Object.keys(generation.files).length),
    [5, 3],
  )
})

for (const { name, args, says } of [
  {
    name: 'names that are not those of the CSR',
    args: ['b.example'],
    says: /the CSR is for other names: a\.example/,
  },
  { name: 'a kind of key', args: ['--key', 'rsa-2048'], says: /--csr and --key or --reuse-key exclude/ },
]) {
  test(`issue --csr with ${name} is a mistake`, { skip, timeout }, async () => {
    await using world = await startWorld()
    const files = { csr: `${world.configFile}.csr`, key: `${world.configFile}.key` }
    await makeRequest(files, ['a.example'])
    const { exitCode, stderr } = await world.run('issue', '--csr', files.csr, ...args)
    assert.equal(exitCode, 2)
    assert.match(stderr, says)
  })
}

test('a CSR with a weak key is refused before anybody is asked', { skip, timeout }, async () => {
  await using world = await startWorld()
  const files = { csr: `${world.configFile}.csr`, key: `${world.configFile}.key` }
  await makeRequest(files, ['a.example'], 'rsa:1024')
  const { exitCode, stderr } = await world.run('issue', '--csr', files.csr)
  assert.equal(exitCode, 2)
  assert.match(stderr, /CSR has a key of a kind that CAs do not certify/)
  assert.doesNotMatch(world.pebble.log(), /new-order|newOrder/i)
})
