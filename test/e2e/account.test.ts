/** The account commands against Pebble. */
import assert from 'node:assert/strict'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { runCli } from '../support/cli.ts'
import { type Pebble, startPebble } from '../support/pebble.ts'
import { skipWithout } from '../support/programs.ts'
import { tempDirectory } from '../support/temp-directory.ts'

const skip = skipWithout('pebble')
const timeout = 60_000

type Account = {
  readonly url: string
  readonly status: string
  readonly contact: readonly string[]
  readonly keyAlgorithm: string
}

async function open(pebble: Pebble) {
  const directory = await tempDirectory()
  const flags = [
    '--config',
    join(directory.path, 'c.yaml'),
    '--state',
    join(directory.path, 'state'),
    '--authority',
    pebble.directory,
    '--trust',
    pebble.trustFile,
  ]
  await writeFile(join(directory.path, 'c.yaml'), '')
  return {
    path: directory.path,
    run: (...args: readonly string[]) => runCli([...args, ...flags]),
    async account(...args: readonly string[]): Promise<Account> {
      const { exitCode, stdout, stderr } = await runCli(['account', ...args, '--json', ...flags])
      assert.equal(exitCode, 0, stderr)
      return JSON.parse(stdout) as Account
    },
    keys: async () => {
      const [authority = ''] = await readdir(join(directory.path, 'state', 'accounts'))
      return readdir(join(directory.path, 'state', 'accounts', authority))
    },
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  }
}

test('an account is registered, shown, updated, given a new key, deactivated, and made anew', {
  skip,
  timeout,
}, async () => {
  await using pebble = await startPebble()
  await using site = await open(pebble)

  const missing = await site.run('account', 'show')
  assert.equal(missing.exitCode, 1)
  assert.match(missing.stderr, /there is no account .*\nhint: certwright account register/)

  const refused = await site.run('account', 'register', '--email', 'a@example.net')
  assert.equal(refused.exitCode, 2)
  assert.match(refused.stderr, /terms of service that must be agreed to: data:text\/plain/)
  assert.deepEqual(
    await readdir(join(site.path, 'state', 'accounts')).catch(() => []),
    [],
    'nothing was kept of the refused registration',
  )

  const registered = await site.account(
    'register',
    '--email',
    'a@example.net',
    '--agree-terms',
    '--key',
    'ES384',
  )
  assert.deepEqual(
    [registered.status, registered.contact, registered.keyAlgorithm],
    ['valid', ['mailto:a@example.net'], 'ES384'],
  )
  assert.equal((await site.account('register')).url, registered.url, 'a second registration finds the first')
  assert.deepEqual((await site.account('update', '--email', 'b@example.net')).contact, [
    'mailto:b@example.net',
  ])

  const rolled = await site.account('rollover', '--key', 'RS256')
  assert.deepEqual([rolled.url, rolled.keyAlgorithm], [registered.url, 'RS256'])
  assert.deepEqual(await site.keys(), ['account.json', 'key.pem'])
  assert.equal((await site.account('show')).status, 'valid')

  const unsure = await site.run('account', 'deactivate')
  assert.equal(unsure.exitCode, 2)
  assert.match(unsure.stderr, /needs a confirmation\nhint: add --yes/)
  assert.equal((await site.account('deactivate', '--yes')).status, 'deactivated')
  const ended = await site.run('account', 'register')
  assert.match(ended.stderr, /has been deactivated\nhint: .*--new/)
  const renewed = await site.account('register', '--new', '--agree-terms')
  assert.notEqual(renewed.url, registered.url)
  assert.equal((await readdir(join(site.path, 'state', 'retired-accounts'))).length, 1, 'the old key is kept')
})

test('a rollover that was interrupted is settled by asking the CA which key it knows', {
  skip,
  timeout,
}, async () => {
  await using pebble = await startPebble()
  await using site = await open(pebble)
  const registered = await site.account('register', '--agree-terms')
  const [authority = ''] = await readdir(join(site.path, 'state', 'accounts'))
  const directory = join(site.path, 'state', 'accounts', authority)
  const before = await readFile(join(directory, 'key.pem'), 'utf8')
  await site.account('rollover')
  const after = await readFile(join(directory, 'key.pem'), 'utf8')
  assert.notEqual(after, before)

  // The CA has the new key, the disk still says that it is the next one.
  await writeFile(join(directory, 'key.pem'), before)
  await writeFile(join(directory, 'next-key.pem'), after, { mode: 0o600 })
  assert.equal((await site.account('update', '--email', 'c@example.net')).url, registered.url)
  assert.equal(await readFile(join(directory, 'key.pem'), 'utf8'), after)

  // Under whatever URL the CA finds it now: a key that it knows is not thrown away.
  const facts = await readFile(join(directory, 'account.json'), 'utf8')
  await writeFile(join(directory, 'account.json'), facts.replace(registered.url, `${registered.url}0`))
  await writeFile(join(directory, 'key.pem'), before)
  await writeFile(join(directory, 'next-key.pem'), after, { mode: 0o600 })
  await site.run('account', 'show')
  assert.equal(await readFile(join(directory, 'key.pem'), 'utf8'), after)
  await writeFile(join(directory, 'account.json'), facts)

  // The CA never heard of the next key.
  await writeFile(join(directory, 'next-key.pem'), before, { mode: 0o600 })
  assert.equal((await site.account('update', '--email', 'd@example.net')).url, registered.url)
  assert.deepEqual(await site.keys(), ['account.json', 'key.pem'])
  assert.equal(await readFile(join(directory, 'key.pem'), 'utf8'), after)
})

test('an account stays where the one in its place is refused', { skip, timeout }, async () => {
  await using pebble = await startPebble()
  await using site = await open(pebble)
  const { url } = await site.account('register', '--agree-terms')
  const refused = await site.run('account', 'register', '--new')
  assert.match(refused.stderr, /terms of service that must be agreed to/)
  assert.equal((await site.account('show')).url, url)

  await writeFile(join(site.path, 'hmac'), 'no base64url!')
  const eab = ['--eab-key-id', 'kid-1', '--eab-hmac-file', join(site.path, 'hmac')]
  assert.equal((await site.run('account', 'register', '--new', '--agree-terms', ...eab)).exitCode, 1)
  assert.equal((await site.account('show')).url, url)
})

test('an account is bound to an external one where the CA wants that', { skip, timeout }, async () => {
  await using pebble = await startPebble({
    externalAccounts: { 'kid-1': 'zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W' },
  })
  await using site = await open(pebble)
  const unbound = await site.run('account', 'register', '--agree-terms')
  assert.equal(unbound.exitCode, 1)
  assert.match(
    unbound.stderr,
    /registers only accounts that are bound to one at the CA\nhint: .*--eab-key-id/,
  )
  await writeFile(
    join(site.path, 'hmac'),
    'zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W\n',
  )
  const bound = await site.account(
    'register',
    '--agree-terms',
    '--eab-key-id',
    'kid-1',
    '--eab-hmac-file',
    join(site.path, 'hmac'),
  )
  assert.equal(bound.status, 'valid')
})
