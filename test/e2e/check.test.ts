/** `check`: everything that an issuance needs is looked at beforehand, and nothing is asked for or left behind. */
import assert from 'node:assert/strict'
import { appendFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { skipWithout } from '../support/programs.ts'
import { startWorld, type World } from '../support/world.ts'

const skip = skipWithout('pebble', 'nginx')
const timeout = 120_000

type Finding = {
  readonly name: string
  readonly outcome: string
  readonly text: string
  readonly hint?: string
}
type Report = {
  readonly ok: boolean
  readonly machine: readonly Finding[]
  readonly authorities: readonly { readonly findings: readonly Finding[] }[]
  readonly certificates: readonly { readonly name: string; readonly findings: readonly Finding[] }[]
}

async function check(world: World, ...args: readonly string[]) {
  const { exitCode, value } = await world.json('check', ...args)
  const report = value as Report
  assert.equal(exitCode, report.ok ? 0 : 1)
  const all = [
    ...report.machine,
    ...report.authorities.flatMap(({ findings }) => findings),
    ...report.certificates.flatMap(({ findings }) => findings),
  ]
  const outcomes = Object.fromEntries(all.map(({ name, outcome }) => [name, outcome]))
  return { report, outcomes, text: (name: string) => all.find(one => one.name === name)?.text ?? '' }
}

test('from before the first certificate to what goes wrong later', { skip, timeout }, async () => {
  await using world = await startWorld()
  await world.writeTlsSite('shop.example', ['shop.example'])
  await appendFile(world.configFile, 'certificates: { shop.example: }\n')

  const first = await check(world)
  const good = {
    state: 'ok',
    disk: 'ok',
    ca: 'ok',
    clock: 'ok',
    account: 'ok',
    dns: 'ok',
    caa: 'ok',
    challenge: 'ok',
  }
  assert.deepEqual(first.outcomes, { ...good, budget: 'skipped', server: 'warning' })
  assert.match(first.text('account'), /registers one for admin@example\.com/)
  assert.deepEqual(await readdir(world.webroot), [], 'nothing is left in the webroot')
  assert.doesNotMatch(world.pebble.log(), /order-plz/, 'the CA was asked for nothing')

  assert.equal((await world.run('apply')).exitCode, 0)
  assert.match(world.pebble.log(), /order-plz/)
  const second = await check(world, 'shop.example')
  assert.deepEqual(second.outcomes, { ...good, budget: 'skipped', server: 'ok' })
  assert.match(second.text('account'), /knows the account/)

  // A foreign CA alone is allowed, and nginx answers from another directory.
  await world.pebble.dns.addCaa('shop.example', 'issue', 'other.test')
  const elsewhere = join(world.webroot, '..', 'elsewhere')
  await mkdir(elsewhere)
  const config = await readFile(world.configFile, 'utf8')
  await writeFile(world.configFile, config.replace(`webroot: ${world.webroot}`, `webroot: ${elsewhere}`))
  const wrong = await check(world)
  assert.deepEqual(wrong.outcomes, {
    ...good,
    caa: 'failed',
    challenge: 'failed',
    budget: 'skipped',
    server: 'ok',
  })
  assert.match(wrong.text('challenge'), /404/)
  assert.deepEqual(await readdir(elsewhere), [])
  await writeFile(world.configFile, config.replace(`webroot: ${world.webroot}`, 'webroot: /nonexistent'))
  assert.match((await check(world)).text('challenge'), /\/nonexistent/)
})

test('a CA that cannot be reached, and terms that nobody agreed to', { skip, timeout }, async () => {
  await using world = await startWorld()
  await world.writeTlsSite('shop.example', ['shop.example'])
  await appendFile(world.configFile, 'certificates: { shop.example: }\n')
  const config = await readFile(world.configFile, 'utf8')
  await writeFile(world.configFile, config.replace('agree-to-terms: true', 'agree-to-terms: false'))
  assert.equal((await check(world)).outcomes['account'], 'failed')
  await writeFile(world.configFile, config.replace(world.pebble.directory, 'https://127.0.0.1:1/dir'))
  const away = await check(world)
  assert.equal(away.outcomes['ca'], 'failed')
  assert.equal(away.outcomes['challenge'], 'ok', 'the rest is looked at all the same')
  const { exitCode, stdout } = await world.run('check')
  assert.equal(exitCode, 1)
  assert.match(stdout, /FAILED {3}ca /)
  assert.match(stdout, /\d ok, .*1 FAILED/)
})

test('no certificates and a wrong name', { skip, timeout }, async () => {
  await using world = await startWorld()
  const { exitCode, stdout } = await world.run('check')
  assert.equal(exitCode, 0)
  assert.match(stdout, /no certificates are configured/)
  assert.match((await world.run('check', 'a.example')).stderr, /there is no certificate "a\.example"/)
})
