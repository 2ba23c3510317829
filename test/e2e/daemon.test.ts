/** The daemon, against Pebble and the real nginx: certificates that live for seconds, signals, and a sudden death. */
import assert from 'node:assert/strict'
import { appendFile, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { daemonSocketPath, daemonStatus } from '../../src/daemon/status.ts'
import { nodeRuntime } from '../../src/runtime/node/runtime.ts'
import { startCli } from '../support/cli.ts'
import { freePort } from '../support/ports.ts'
import { type RunningProgram, skipWithout } from '../support/programs.ts'
import { until } from '../support/wait.ts'
import { startWorld, type World } from '../support/world.ts'

const skip = skipWithout('pebble', 'nginx')
const timeout = 120_000
const runtime = nodeRuntime()

const lifeSeconds = 24
const profiles = { brief: { description: 'for tests of renewals', validityPeriod: lifeSeconds } }
const brief = (...names: readonly string[]) =>
  `certificates: { ${names.map(name => `${name}: { profile: brief }`).join(', ')} }\n`

const startDaemon = (world: World, ...flags: readonly string[]) => startCli(['run', ...flags, ...world.flags])

/** The lines about an event so far, as the time and the fields. */
function linesOf(program: RunningProgram, event: string): readonly string[] {
  return program
    .output()
    .split('\n')
    .filter(line => line.split(/ +/)[2] === event)
}

test('certificates that live for seconds are renewed on time, and a good one is served at any moment', {
  skip,
  timeout,
}, async () => {
  await using world = await startWorld({ profiles })
  await world.writeTlsSite('a.example', ['a.example'])
  const port = await freePort()
  const metricsFile = join(world.nginx.directory, 'certwright.prom')
  const daemonConfig = `daemon: { metrics: "127.0.0.1:${port}", metrics-file: ${metricsFile} }\n`
  await appendFile(world.configFile, `${daemonConfig}${brief('a.example')}`)

  await using daemon = await startDaemon(world, '--verbose')
  await daemon.waitForOutput(/certificate-issued/)
  const served = new Set<string>()
  await until(
    'the fourth certificate',
    async () => {
      const { fingerprint256, validToDate } = await world.served('a.example')
      assert.ok(
        validToDate.getTime() > Date.now(),
        `it is ${new Date().toISOString()}, and one until ${validToDate.toISOString()} is served`,
      )
      served.add(fingerprint256)
      return served.size === 4 ? true : undefined
    },
    { timeoutMs: 100_000 },
  )

  // Each order but the first came at the instant that the look before had said, give or take the second that is written.
  const planned = linesOf(daemon, 'looked').map(line => Date.parse(/nextLookAt=(\S+)/.exec(line)?.[1] ?? ''))
  const orders = linesOf(daemon, 'order').map(line => Date.parse(line.split(' ')[0] ?? ''))
  assert.ok(orders.length >= 4, `${orders.length} orders`)
  for (const [index, at] of orders.slice(1).entries()) {
    const late = at - (planned[index] ?? Number.NaN)
    assert.ok(late >= 0 && late <= 2_000, `order ${index + 2} came ${late} ms after its time`)
  }

  const reply = await fetch(`http://127.0.0.1:${port}/metrics`)
  assert.equal(reply.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
  for (const text of [await reply.text(), await readFile(metricsFile, 'utf8')]) {
    const [, notAfter] =
      /^certwright_certificate_not_after_timestamp_seconds\{name="a.example"\} (\S+)$/m.exec(text) ?? []
    assert.ok(Math.abs(Number(notAfter) - Date.now() / 1_000) <= lifeSeconds)
    assert.match(
      text,
      /^certwright_endpoint_served\{name="a.example",endpoint="a.example at 127[.]0[.]0[.]1:\d+"\} 1$/m,
    )
    const [, count] = /^certwright_issuance_duration_seconds_count (\d+)$/m.exec(text) ?? []
    assert.ok(Number(count) >= 3)
    assert.match(
      text,
      /^certwright_acme_request_duration_seconds_count\{authority="127[^"]+",outcome="ok"\} \d\d+$/m,
    )
  }
  assert.equal((await stat(metricsFile)).mode & 0o777, 0o644)

  const status = await daemonStatus(world.state, runtime)
  assert.equal(status?.pid, daemon.pid)
  assert.equal(status?.configuration.certificates, 1)
  const { stdout } = await world.run('status', '--verbose')
  assert.match(stdout, /^daemon: running since .* next look /m)
  const second = await world.run('run')
  assert.equal(second.exitCode, 1)
  assert.match(
    second.stderr,
    new RegExp(`a daemon runs for .* already: certwright run \\(pid ${daemon.pid}\\)`),
  )

  daemon.signal('SIGTERM')
  assert.equal(await daemon.ended, 0)
  assert.match(daemon.output(), /info {2}stopped\n$/)
  assert.equal(await daemonStatus(world.state, runtime), undefined)
  await assert.rejects(stat(daemonSocketPath(world.state)), { code: 'ENOENT' })
})

test('the configuration is taken up when it changes and on SIGHUP, and one with mistakes is not', {
  skip,
  timeout,
}, async () => {
  await using world = await startWorld()
  await world.writeTlsSite('a.example', ['a.example', 'b.example'])
  const config = await readFile(world.configFile, 'utf8')
  await using daemon = await startDaemon(world)
  await daemon.waitForOutput(/started .*certificates=0/)

  await writeFile(world.configFile, `${config}certificates: { a.example: {} }\n`)
  await daemon.waitForOutput(/certificate-issued certificate=a.example /, { timeoutMs: 30_000 })

  await writeFile(world.configFile, `${config}certificats: {}\n`)
  await daemon.waitForOutput(
    /error configuration-refused code=ERR_CONFIG message=".*certificats: unknown key/,
  )
  assert.match(
    (await world.run('status', '--verbose')).stdout + (await statusOf(world)),
    /certificats: unknown key/,
  )

  await writeFile(world.configFile, `${config}certificates: { a.example: {}, b.example: { deploy: [] } }\n`)
  await daemon.waitForOutput(/certificate-issued certificate=b.example /, { timeoutMs: 30_000 })
  const before = linesOf(daemon, 'configuration-read').length
  daemon.signal('SIGHUP')
  await until('SIGHUP to be obeyed', () => linesOf(daemon, 'configuration-read').length > before || undefined)
  assert.equal(linesOf(daemon, 'certificate-issued').length, 2, 'and nothing was issued for it')
})

async function statusOf({ state }: World): Promise<string> {
  return JSON.stringify(await daemonStatus(state, runtime))
}

test('told to stop while the CA looks, it takes its challenge away and ends well; the next one goes on', {
  skip,
  timeout,
}, async () => {
  await using world = await startWorld({ validationSeconds: 5 })
  await world.writeTlsSite('a.example', ['a.example'])
  await appendFile(world.configFile, 'certificates: { a.example: {} }\n')
  await using daemon = await startDaemon(world, '--verbose')
  await daemon.waitForOutput(/asked the CA to look/)
  assert.notDeepEqual(await readdir(world.webroot), [])
  daemon.signal('SIGTERM')
  assert.equal(await daemon.ended, 0)
  assert.deepEqual(await readdir(world.webroot), [])
  assert.doesNotMatch(daemon.output(), /error/)

  await using next = await startDaemon(world)
  await next.waitForOutput(/certificate-issued/, { timeoutMs: 60_000 })
  assert.equal(ordersIn(world), 1)
})

test('killed while the CA looks, the next one continues the order and leaves nothing behind', {
  skip,
  timeout,
}, async () => {
  await using world = await startWorld({ validationSeconds: 5 })
  await world.writeTlsSite('a.example', ['a.example'])
  await appendFile(world.configFile, 'certificates: { a.example: {} }\n')
  await using daemon = await startDaemon(world, '--verbose')
  await daemon.waitForOutput(/asked the CA to look/)
  daemon.signal('SIGKILL')
  assert.equal(await daemon.ended, 'SIGKILL')
  assert.ok(await stat(daemonSocketPath(world.state)), 'its socket is still there')
  assert.match((await world.run('status', '--verbose')).stdout, /^daemon: none runs here$/m)

  await using next = await startDaemon(world)
  await next.waitForOutput(/certificate-issued/, { timeoutMs: 60_000 })
  assert.equal(ordersIn(world), 1)
  assert.deepEqual(await readdir(world.webroot), [])
  assert.equal(
    (await world.served('a.example')).fingerprint256,
    (await world.live('a.example')).fingerprint256,
  )
})

/** Orders that were made at the CA. */
function ordersIn({ pebble }: World): number {
  return [...pebble.log().matchAll(/Added order /g)].length
}

test('apply beside a daemon has it look again; without one, apply writes the metrics', {
  skip,
  timeout,
}, async () => {
  await using world = await startWorld()
  await world.writeTlsSite('a.example', ['a.example'])
  const metricsFile = join(world.nginx.directory, 'certwright.prom')
  await appendFile(
    world.configFile,
    `daemon: { metrics-file: ${metricsFile} }\ncertificates: { a.example: {} }\n`,
  )
  const applied = await world.run('apply')
  assert.equal(applied.exitCode, 0, applied.stderr)
  const alone = await readFile(metricsFile, 'utf8')
  assert.match(alone, /^certwright_endpoint_served\{.*\} 1$/m)
  assert.match(alone, /^certwright_issuance_duration_seconds_count 1$/m)
  assert.doesNotMatch(alone, /certwright_daemon/)

  await using daemon = await startDaemon(world, '--verbose')
  await daemon.waitForOutput(/looked/)
  const renewed = await world.run('apply', '--force', 'a.example')
  assert.equal(renewed.exitCode, 0, renewed.stderr)
  await until('a second look', () => linesOf(daemon, 'looked').length === 2 || undefined)
  const { validToDate } = await world.live('a.example')
  const beside = await readFile(metricsFile, 'utf8')
  assert.match(
    beside,
    new RegExp(`not_after_timestamp_seconds\\{name="a.example"\\} ${validToDate.getTime() / 1_000}$`, 'm'),
  )
  assert.match(beside, /^certwright_daemon_last_look_success 1$/m)
})
