/** `explain` and `history`: what happened, what is served, what comes next. */
import assert from 'node:assert/strict'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { skipWithout } from '../support/programs.ts'
import { startWorld, type World } from '../support/world.ts'

const skip = skipWithout('pebble', 'nginx')
const timeout = 120_000

type Explained = {
  readonly state: string
  readonly action: string
  readonly past: readonly { readonly kind: string; readonly text: string; readonly count?: number }[]
  readonly deployments: readonly {
    readonly endpoints: readonly { readonly served: boolean }[]
    readonly failure?: { readonly message: string }
  }[]
  readonly future: readonly { readonly kind: string; readonly at: string }[]
  readonly next: { readonly text: string; readonly at?: string }
}
const explain = async (world: World) => (await world.json('explain', 'shop.example')).value as Explained

test('the life of a certificate is told while it goes on', { skip, timeout }, async () => {
  await using world = await startWorld()
  await world.writeTlsSite('shop.example', ['shop.example'])
  assert.equal((await world.run('issue', 'shop.example')).exitCode, 0)

  const first = await explain(world)
  assert.equal(first.state, 'ok')
  const kinds = first.past.map(({ kind }) => kind)
  assert.deepEqual(
    kinds.filter(kind => kind !== 'advice'),
    ['issued', 'deployed'],
  )
  assert.deepEqual(
    first.deployments.flatMap(({ endpoints }) => endpoints.map(({ served }) => served)),
    [true],
  )
  assert.equal(first.next.text, 'it is renewed')
  assert.equal(first.future.find(({ kind }) => kind === 'renewal')?.at, first.next.at)
  assert.equal(first.future.at(-1)?.kind, 'expiry')

  // Twice the same failure, in the words of the CA.
  await world.pebble.dns.setServerFailure('shop.example')
  for (const only of [[], ['--only', 'shop.example']])
    assert.equal((await world.run('renew', '--force', 'shop.example', ...only)).exitCode, 1)
  const failing = await explain(world)
  assert.equal(failing.state, 'failing')
  const failure = failing.past.at(-1)
  assert.deepEqual([failure?.kind, failure?.count], ['failed', 2])
  assert.match(failure?.text ?? '', /could not resolve URL/)
  assert.equal(failing.future[0]?.kind, 'attempt')
  assert.equal(failing.next.at, failing.future[0]?.at)
  const { stdout } = await world.run('explain', 'shop.example')
  assert.match(stdout, / {2}x {2}.*the CA could not validate/)
  assert.match(stdout, / {2}> {2}.*now {2}waiting/)
  assert.match(stdout, /shop\.example at 127\.0\.0\.1:\d+ serves this certificate/)

  // A server whose configuration cannot be read is asked all the same, where it was seen last.
  await world.nginx.writeSite('nonsense')
  const broken = await explain(world)
  assert.deepEqual(
    broken.deployments.flatMap(({ endpoints }) => endpoints.map(({ served }) => served)),
    [true],
  )
  assert.match(broken.deployments[0]?.failure?.message ?? '', /nginx does not accept/)

  const revoked = await world.run('revoke', 'shop.example', '--yes')
  assert.equal(revoked.exitCode, 0, revoked.stderr)
  const history = await world.run('history', 'shop.example')
  const told = history.stdout.split('\n').flatMap(line => /^\S+Z {2}(\w+)/.exec(line)?.[1] ?? [])
  assert.deepEqual(
    told.filter(kind => kind !== 'advice'),
    ['issued', 'deployed', 'failed', 'revoked'],
  )

  // Damage is in nobody's way.
  await writeFile(join(world.state, 'history', 'shop.example.json'), '{')
  assert.deepEqual(
    (await explain(world)).past.slice(0, 2).map(({ kind }) => kind),
    ['issued', 'deployed'],
  )
  const damaged = await world.run('history', 'shop.example')
  assert.equal(damaged.exitCode, 1)
  assert.match(damaged.stderr, /is damaged/)

  assert.equal((await world.run('delete', 'shop.example', '--yes', '--force')).exitCode, 0)
  for (const directory of ['history', 'attempts', 'renewals', 'deployments'])
    assert.deepEqual(await readdir(join(world.state, directory)), [], directory)
})

test('what was taken out of the configuration is explained too', { skip, timeout }, async () => {
  await using world = await startWorld()
  await world.writeTlsSite('shop.example', ['shop.example'])
  assert.equal((await world.run('issue', 'shop.example')).exitCode, 0)
  const [dropIn = ''] = await readdir(join(world.configFile, '..', 'certificates.d'))
  await writeFile(join(world.configFile, '..', 'certificates.d', dropIn), '')
  const { stdout, exitCode } = await world.run('explain', 'shop.example')
  assert.equal(exitCode, 0)
  assert.match(stdout, /it is not configured/)
  assert.match(stdout, /next: nothing/)
  assert.match(stdout, /serves this certificate/)
})
