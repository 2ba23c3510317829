/** `rehearse`: the whole renewal with another CA, delivery included, and afterwards everything is as it was. */
import assert from 'node:assert/strict'
import { appendFile, chmod, mkdir, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { startCli } from '../support/cli.ts'
import { type Pebble, startPebble } from '../support/pebble.ts'
import { skipWithout } from '../support/programs.ts'
import { until } from '../support/wait.ts'
import { startWorld, type World } from '../support/world.ts'

const skip = skipWithout('pebble', 'nginx')
const timeout = 120_000
const name = 'shop.example'

type Stage = AsyncDisposable & {
  readonly world: World
  readonly staging: Pebble
  /** Names the other CA. */
  readonly flags: readonly string[]
  /** Files that make the reload with this number fail, or stop before or after it: `fail-1`, `before-1`, `after-2`. */
  readonly tricks: string
}

/** A certificate that nginx serves, a second Pebble as the staging of the first, and reloads that can be stopped. */
async function setStage(): Promise<Stage> {
  await using started = new AsyncDisposableStack()
  const world = started.use(await startWorld())
  const staging = started.use(await startPebble({ httpPort: world.pebble.httpPort }))
  await world.writeTlsSite(name, [name])
  await appendFile(world.configFile, `certificates: { ${name}: }\n`)
  const applied = await world.run('apply')
  assert.equal(applied.exitCode, 0, applied.stderr)

  const tricks = join(world.configFile, '..', 'tricks')
  await mkdir(tricks)
  const script = join(tricks, 'reload')
  await writeFile(
    script,
    `#!/bin/sh
cd ${tricks}
count=$(($(cat count 2>/dev/null || echo 0) + 1))
echo $count > count
stop() { echo $$ > pid.new; mv pid.new pid; exec sleep 60; }
[ -e before-$count ] && stop
[ -e fail-$count ] && exit 1
${world.nginx.program} ${world.nginx.args.join(' ')} -s reload || exit 1
[ -e after-$count ] && stop
exit 0
`,
  )
  await chmod(script, 0o755)
  const config = await readFile(world.configFile, 'utf8')
  await writeFile(world.configFile, config.replace('nginx: {', `nginx: { reload: [${script}],`))
  const all = started.move()
  const flags = ['--authority', staging.directory, '--trust', staging.trustFile]
  return { world, staging, flags, tricks, [Symbol.asyncDispose]: () => all.disposeAsync() }
}

const orders = (pebble: Pebble) => pebble.log().split('/order-plz').length - 1

/** All that counts, as it must be again afterwards. */
async function whatCounts(world: World) {
  const { state, pebble } = world
  const generations = (await readdir(join(state, 'certificates', name))).sort()
  const files = await Promise.all(
    generations.flatMap(one =>
      ['cert.pem', 'privkey.pem', 'meta.json'].map(file =>
        readFile(join(state, 'certificates', name, one, file), 'utf8'),
      ),
    ),
  )
  return {
    generations,
    files,
    live: await readlink(join(state, 'live', name)),
    served: (await world.served(name)).fingerprint256,
    orders: orders(pebble),
    accounts: await readdir(join(state, 'accounts')),
    attempts: await readdir(join(state, 'attempts')).catch(() => []),
  }
}

const rehearsal = ['rehearse', name, '--yes'] as const

type Rehearsal = {
  readonly ok: boolean
  readonly shownMs?: number
  readonly steps: readonly { readonly name: string; readonly ok: boolean; readonly text: string }[]
}

describe('a rehearsal', { skip, timeout }, () => {
  it('shows servers a certificate of the staging and puts the real one back', async () => {
    await using stage = await setStage()
    const { world, staging, flags } = stage
    const before = await whatCounts(world)
    const stagingOrders = orders(staging)
    const asked = await world.run('rehearse', name, ...flags)
    assert.equal(asked.exitCode, 2)
    assert.match(asked.stderr, /needs a confirmation/)

    const { exitCode, value } = await world.json(...rehearsal, ...flags)
    const { ok, steps, shownMs } = value as Rehearsal
    assert.deepEqual({ exitCode, ok }, { exitCode: 0, ok: true })
    assert.deepEqual(
      steps.map(step => step.name),
      ['issue', 'server', 'deliver', 'put-back'],
    )
    assert.match(steps[2]?.text ?? '', /served by shop\.example at 127\.0\.0\.1/)
    assert.ok(shownMs !== undefined && shownMs > 0)
    assert.equal(orders(staging), stagingOrders + 1)
    assert.deepEqual(await whatCounts(world), before)

    // Again, and by the CA inside Certwright: nothing of the first one is in the way.
    const embedded = await world.run(...rehearsal, '--authority', 'embedded')
    assert.equal(embedded.exitCode, 0, embedded.stderr)
    assert.match(embedded.stdout, /ok +put-back +the real certificate is served again/)
    assert.deepEqual(await whatCounts(world), before)
    assert.match(
      (await world.run('history', name)).stdout,
      /rehearsed with embedded and put back what counts/,
    )
    assert.equal((await world.run('apply')).stdout, '')
  })

  it('without a delivery tests the servers only, and says what is wrong there', async () => {
    await using stage = await setStage()
    const { world, flags, tricks } = stage
    const before = await whatCounts(world)
    const good = await world.run('rehearse', name, '--no-deploy', ...flags)
    assert.equal(good.exitCode, 0, good.stderr)
    await world.nginx.writeSite('nonsense')
    for (const extra of [['--no-deploy'], ['--yes']]) {
      const bad = await world.run('rehearse', name, ...extra, ...flags)
      assert.equal(bad.exitCode, 1)
      // The challenge is answered by what nginx has loaded.
      assert.match(bad.stdout, /ok +issue/)
      assert.match(bad.stdout, /FAILED +server +nginx does not accept/)
    }
    assert.deepEqual(await whatCounts(world), before)
    await assert.rejects(readFile(join(tricks, 'count')), { code: 'ENOENT' }, 'nothing was reloaded')
  })

  it('before the first certificate leaves servers alone', async () => {
    await using world = await startWorld()
    await using staging = await startPebble({ httpPort: world.pebble.httpPort })
    await world.writeTlsSite(name, [name])
    await appendFile(world.configFile, `certificates: { ${name}: }\n`)
    const flags = ['--authority', staging.directory, '--trust', staging.trustFile]
    const { exitCode, stdout, stderr } = await world.run('rehearse', name, ...flags)
    assert.equal(exitCode, 0, stderr)
    assert.match(stdout, /no certificate yet that could be put back/)
    assert.equal(orders(world.pebble), 0)
    await assert.rejects(readlink(join(world.state, 'live', name)), { code: 'ENOENT' })
  })

  it('in which a server cannot be reloaded says so, and puts the real certificate back', async () => {
    await using stage = await setStage()
    const { world, flags, tricks } = stage
    const before = await whatCounts(world)
    await writeFile(join(tricks, 'fail-1'), '')
    const { exitCode, stdout } = await world.run(...rehearsal, ...flags)
    assert.equal(exitCode, 1)
    assert.match(stdout, /FAILED +deliver +.*reload" failed: it ended with status 1/)
    assert.match(stdout, /ok +put-back/)
    assert.deepEqual(await whatCounts(world), before)
  })

  it('that cannot put back says so with what to do, and the next apply does it', async () => {
    await using stage = await setStage()
    const { world, flags, tricks } = stage
    const before = await whatCounts(world)
    for (const number of [2, 3]) await writeFile(join(tricks, `fail-${number}`), '')
    const { exitCode, stdout, stderr } = await world.run(...rehearsal, ...flags)
    assert.equal(exitCode, 1)
    assert.match(stdout, /FAILED +put-back/)
    assert.match(
      stderr,
      /servers may still show the test certificate: certwright deploy shop\.example, at once/,
    )
    assert.notEqual((await world.served(name)).fingerprint256, before.served)
    const applied = await world.run('apply')
    assert.equal(applied.exitCode, 0, applied.stderr)
    assert.deepEqual(await whatCounts(world), before)
  })

  it('that is cancelled puts the real certificate back', async () => {
    await using stage = await setStage()
    const { world, flags, tricks } = stage
    const before = await whatCounts(world)
    await writeFile(join(tricks, 'after-1'), '')
    await using running = await startCli([...rehearsal, ...flags, ...world.flags])
    await until('the reload', () => readFile(join(tricks, 'pid'), 'utf8').catch(() => undefined))
    await until('the test certificate', async () => {
      return (await world.served(name)).fingerprint256 !== before.served || undefined
    })
    running.signal('SIGTERM')
    await until('the end of the rehearsal', () => (running.hasEnded() ? true : undefined), {
      timeoutMs: 60_000,
    })
    assert.deepEqual(await whatCounts(world), before)
  })

  for (const [trick, shown] of [
    ['before-1', 'real'],
    ['after-1', 'test'],
    ['before-2', 'test'],
    ['after-2', 'real'],
  ] as const) {
    it(`that is killed ${trick.replace('-', ' reload ')} is mended by the next apply`, async () => {
      await using stage = await setStage()
      const { world, staging, flags, tricks } = stage
      const before = await whatCounts(world)
      await writeFile(join(tricks, trick), '')
      await using running = await startCli([...rehearsal, ...flags, ...world.flags])
      const pid = await until('the reload', () =>
        readFile(join(tricks, 'pid'), 'utf8').catch(() => undefined),
      )
      running.signal('SIGKILL')
      await until('its end', () => (running.hasEnded() ? true : undefined))
      process.kill(Number(pid), 'SIGKILL') // what it had started
      // nginx takes a moment to change over.
      await until(`the ${shown} certificate`, async () => {
        const isReal = (await world.served(name)).fingerprint256 === before.served
        return isReal === (shown === 'real') || undefined
      })

      const { value } = await world.json('plan')
      const { actions } = value as {
        readonly actions: readonly { readonly reason: { readonly code: string } }[]
      }
      assert.deepEqual(
        actions.map(({ reason }) => reason.code),
        ['rehearsal-left'],
      )
      assert.match((await world.run('status')).stdout, /a rehearsal is under way, or was interrupted/)
      const another = await world.run(...rehearsal, ...flags)
      assert.equal(another.exitCode, 1)
      assert.match(another.stderr, /certwright apply --only shop\.example first/)

      await rm(join(tricks, trick))
      const stagingOrders = orders(staging)
      const applied = await world.run('apply')
      assert.equal(applied.exitCode, 0, applied.stderr)
      assert.deepEqual(await whatCounts(world), before)
      assert.equal(orders(staging), stagingOrders)
      assert.equal((await world.run('apply')).stdout, '', 'there is nothing left to do')
      assert.equal((await world.run('verify')).exitCode, 0)
    })
  }
})
