/** Hooks: what they are told, when they run and how often, and what a failing or a hanging one does. */
import assert from 'node:assert/strict'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { startCli } from '../support/cli.ts'
import { skipWithout } from '../support/programs.ts'
import { tempDirectory } from '../support/temp-directory.ts'
import { until } from '../support/wait.ts'
import { startWorld, type World } from '../support/world.ts'

const skip = skipWithout('pebble', 'nginx')
const timeout = 120_000

type Result = { readonly exitCode: number | undefined; readonly stdout: string; readonly stderr: string }
const ok = ({ exitCode, stdout, stderr }: Result) => assert.equal(exitCode, 0, `${stdout}\n${stderr}`)
const all = ({ stdout, stderr }: Result) => `${stdout}\n${stderr}`

/** A machine with an entry `a.example` without targets, and a place for scripts. */
async function setUp() {
  await using started = new AsyncDisposableStack()
  const world: World = started.use(await startWorld())
  const { path } = started.use(await tempDirectory())
  const log = join(path, 'log')
  await writeFile(log, '')
  const config = await readFile(world.configFile, 'utf8')
  const kept = started.move()
  return {
    world,
    path,
    /** Writes a script and returns its path. */
    script: async (name: string, body: string) => {
      await writeFile(join(path, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 })
      return join(path, name)
    },
    /** A script that notes its name and arguments. */
    noting: (name: string, more = '') =>
      writeFile(join(path, name), `#!/bin/sh\necho "${name} $*" >> ${log}\n${more}\n`, { mode: 0o755 }).then(
        () => join(path, name),
      ),
    configure: (hooks: object) =>
      writeFile(
        world.configFile,
        `${config}\ncertificates: { a.example: { identifiers: [a.example, b.example], deploy: [], hooks: ${JSON.stringify(hooks)} } }\n`,
      ),
    ran: async () => (await readFile(log, 'utf8')).split('\n').filter(line => line !== ''),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

test('hooks run around an issuance, once, and know what it is about', { skip, timeout }, async () => {
  await using here = await setUp()
  const { world, path } = here
  const dump = async (name: string) =>
    here.script(
      name,
      `env | grep -v ^_= | grep -v ^PWD= | grep -v ^SHLVL= | sort > ${join(path, `${name}.env`)}`,
    )
  const environmentOf = async (name: string) =>
    Object.fromEntries(
      (await readFile(join(path, `${name}.env`), 'utf8'))
        .trim()
        .split('\n')
        .map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    )
  const noting = await here.noting('noting')
  await here.configure({
    before: [[await dump('before')], [noting, 'before', 'two words', '$(id)']],
    after: [[await dump('after')], [noting, 'after']],
  })
  const applied = await world.run('apply')
  ok(applied)
  assert.match(applied.stdout, /hooks: ok/)
  assert.deepEqual(await here.ran(), ['noting before two words $(id)', 'noting after'])

  const live = await world.live('a.example')
  const directory = join(world.state, 'live', 'a.example')
  const common = {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    LANG: 'C.UTF-8',
    CERTWRIGHT_NAME: 'a.example',
    CERTWRIGHT_IDENTIFIERS: 'a.example b.example',
    CERTWRIGHT_DIRECTORY: directory,
  }
  assert.deepEqual(await environmentOf('before'), { ...common, CERTWRIGHT_EVENT: 'before-issuance' })
  assert.deepEqual(await environmentOf('after'), {
    ...common,
    CERTWRIGHT_EVENT: 'after-delivery',
    CERTWRIGHT_FINGERPRINT: live.fingerprint256.replaceAll(':', '').toLowerCase(),
    CERTWRIGHT_NOT_AFTER: live.validToDate.toISOString().replace('.000Z', 'Z'),
    RENEWED_LINEAGE: directory,
    RENEWED_DOMAINS: 'a.example b.example',
  })

  ok(await world.run('apply'))
  ok(await world.run('deploy', 'a.example'))
  assert.equal((await here.ran()).length, 2, 'the same certificate is no news')
  ok(await world.run('renew', '--force', 'a.example'))
  assert.equal((await here.ran()).length, 4)
})

test('a hook that fails before an issuance stops it before the CA is asked', { skip, timeout }, async () => {
  await using here = await setUp()
  const { world } = here
  const failing = await here.script('failing', 'echo "port 80 is in use" >&2; exit 3')
  await here.configure({ before: [[failing, 'x'], [await here.noting('never')]] })
  const refused = await world.run('apply')
  assert.equal(refused.exitCode, 1)
  assert.match(
    all(refused),
    /the hook ".*failing x" before the issuance of a\.example ended with exit code 3\n\s*port 80 is in use/,
  )
  assert.match(all(refused), /hint: the CA was not asked/)
  assert.deepEqual(await here.ran(), [])
  assert.match((await world.run('apply')).stdout, /a\.example: waiting; it failed once/)
  await here.configure({ before: [[await here.noting('works')]] })
  ok(await world.run('apply'))
  assert.deepEqual(await here.ran(), ['works '], 'another configuration is tried at once')
})

test('a hook that fails after a delivery is a failure, and goes on from there', {
  skip,
  timeout,
}, async () => {
  await using here = await setUp()
  const { world, path } = here
  const hooks = {
    after: [
      [await here.noting('first')],
      [await here.noting('second', `[ -e ${join(path, 'mended')} ]`)],
      [await here.noting('third')],
    ],
  }
  await here.configure(hooks)
  const failed = await world.run('apply')
  assert.equal(failed.exitCode, 1)
  assert.match(failed.stdout, /hooks: FAILED/)
  assert.match(failed.stdout, /the hook ".*second" after the delivery of a\.example ended with exit code 1/)
  await world.live('a.example') // stays where it is
  assert.deepEqual(await here.ran(), ['first ', 'second '])
  assert.match((await world.run('apply')).stdout, /waiting; it failed once/)
  await writeFile(join(path, 'mended'), '')
  const again = await world.json('apply', '--only', 'a.example')
  assert.equal(again.exitCode, 0, again.stderr)
  assert.match(JSON.stringify(again.value), /"hook-outstanding"/)
  assert.deepEqual(await here.ran(), ['first ', 'second ', 'second ', 'third '])
  assert.equal((await world.run('apply')).stdout, '')
})

test('a hook that hangs is killed with what it has started', { skip, timeout }, async () => {
  await using here = await setUp()
  const pid = join(here.path, 'pid')
  const hanging = await here.script('hanging', `echo waiting for godot\nsleep 600 &\necho $! > ${pid}\nwait`)
  await here.configure({ before: [[hanging]], timeout: '1 s' })
  const refused = await here.world.run('apply')
  assert.equal(refused.exitCode, 1)
  assert.match(all(refused), /was ended: it took longer than 1\.0 s; it said last: waiting for godot/)
  const child = Number(await readFile(pid, 'utf8'))
  await until('the end of what the hook had started', async () => (isAlive(child) ? undefined : true))
})

test('a hook that everybody may change is not run', { skip, timeout }, async () => {
  await using here = await setUp()
  const open = await here.noting('open')
  await chmod(open, 0o777)
  await here.configure({ before: [[open]] })
  const refused = await here.world.run('apply')
  assert.equal(refused.exitCode, 1)
  assert.match(all(refused), /is not run: .*open can be changed by every user of this machine/)
  assert.deepEqual(await here.ran(), [])
})

test('a process that is killed during a hook leaves it, and those after it, to the next one', {
  skip,
  timeout,
}, async () => {
  await using here = await setUp()
  const { world, path } = here
  const first = await here.noting('first')
  const second = await here.noting(
    'second',
    `[ -e ${join(path, 'go')} ] || { echo $$ > ${join(path, 'pid')}; exec sleep 60; }`,
  )
  await here.configure({ after: [[first], [second], [await here.noting('third')]] })
  const killed = await startCli(['apply', ...world.flags])
  const pidIsThere = () =>
    readFile(join(path, 'pid'), 'utf8').then(
      text => text.endsWith('\n') || undefined,
      () => undefined,
    )
  await until('the second hook', pidIsThere, { timeoutMs: 60_000 })
  killed.signal('SIGKILL')
  await killed.ended
  process.kill(Number(await readFile(join(path, 'pid'), 'utf8'))) // which nobody waits for any more
  await writeFile(join(path, 'go'), '')
  ok(await world.run('apply'))
  assert.deepEqual(await here.ran(), ['first ', 'second ', 'second ', 'third '])
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false // it is gone
  }
}
