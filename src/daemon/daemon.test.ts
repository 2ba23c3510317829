/** The daemon on a machine in memory, on a clock that the tests move, with a manager that a script plays. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError } from '../base/errors.ts'
import { dayMs, hourMs, type Instant, minuteMs, plusMs, secondMs } from '../base/instant.ts'
import { loadConfig } from '../manage/config/load.ts'
import { defineCertificate } from '../manage/define.ts'
import type { ApplyOptions, Plan } from '../manage/manager.ts'
import type { Action, ReasonCode } from '../manage/plan/action.ts'
import { writeDeployments } from '../manage/store/deployments.ts'
import { saveGeneration } from '../manage/store/generations.ts'
import type { Exec } from '../runtime/exec.ts'
import type { ProbeTls } from '../runtime/network.ts'
import { type FakeRuntime, fakeRuntime } from '../testing/fake-runtime.ts'
import { type TestServerCertificate, testAuthority } from '../testing/test-authority.ts'
import { parseCertificate } from '../x509/certificate.ts'
import { type DaemonOptions, runDaemon } from './daemon.ts'
import { type DaemonStatus, daemonSocketPath, daemonStatus, tellDaemon } from './status.ts'

const state = '/var/lib/certwright'
const place = { file: '/etc/certwright/certwright.yaml', dropIns: '/etc/certwright/certificates.d' }
const goodConfig = 'certificates: { a.example: {} }'
const spec = defineCertificate({
  identifiers: ['a.example'],
  authority: { id: 'ca', directory: 'https://ca.example/directory' },
})

type Script = {
  /** When something is due, and why; the script may change it at any time. */
  due: Instant | undefined
  reason: ReasonCode
  /** What happens when it is done. */
  apply: (options: ApplyOptions) => Promise<void>
  plan: () => Promise<void>
}

type Machine = Omit<FakeRuntime, 'exec'> & { readonly exec: Exec }

type Started = AsyncDisposable & {
  readonly runtime: Machine
  readonly script: Script
  /** When it planned and applied, in milliseconds from the start. */
  readonly plans: readonly number[]
  readonly applies: readonly number[]
  readonly asked: readonly ApplyOptions[]
  /** Level, event, and what it is about. */
  readonly log: readonly string[]
  /** What was seen at monitored endpoints, round by round: the kinds of trouble, by endpoint. */
  readonly rounds: readonly (readonly string[])[]
  /** What was told of the configuration. */
  readonly refusals: readonly string[]
  readonly ended: Promise<void>
  readonly hangUp: () => void
  stop(): void
  status(): Promise<DaemonStatus | undefined>
  configure(text: string): Promise<void>
}

type StartOptions = {
  readonly dueInMs?: number
  readonly reason?: ReasonCode
  readonly config?: string
  readonly exec?: Exec
  readonly probeTls?: ProbeTls
  /** What is there before it starts. */
  readonly prepare?: (runtime: Machine) => Promise<void>
  readonly variables?: Readonly<Record<string, string>>
  readonly seed?: number
}

/** Starts a daemon and lets it come to its first rest. What was done is due again after sixty days. */
async function start({
  dueInMs,
  reason = 'no-certificate',
  config = goodConfig,
  exec = () => assert.fail('a program was run'),
  probeTls = () => assert.fail('an endpoint was looked at'),
  prepare = async () => {},
  variables = {},
  seed = 1,
}: StartOptions = {}): Promise<Started> {
  const runtime = fakeRuntime({ exec, probeTls }, { variables, seed })
  const { clock, files } = runtime
  await files.put(place.file, config)
  await prepare(runtime)
  const begun = clock.monotonic()
  const script: Script = {
    due: dueInMs === undefined ? undefined : plusMs(clock.now(), dueInMs),
    reason,
    apply: async () => {
      script.due = plusMs(clock.now(), 60 * dayMs)
    },
    plan: async () => {},
  }
  const plans: number[] = []
  const applies: number[] = []
  const asked: ApplyOptions[] = []
  const log: string[] = []
  const refusals: string[] = []
  const rounds: string[][] = []
  const stop = new AbortController()
  let hangUp = () => {}
  const options: DaemonOptions = {
    state,
    place,
    loadConfig: () => loadConfig(place, {}, runtime),
    openManager: async () => ({
      manager: {
        plan: async () => {
          plans.push(clock.monotonic() - begun)
          await script.plan()
          return planOf(script, clock.now())
        },
        apply: async applyOptions => {
          applies.push(clock.monotonic() - begun)
          asked.push(applyOptions)
          await script.apply(applyOptions)
          return []
        },
      },
      [Symbol.asyncDispose]: async () => {},
    }),
    afterLook: async () => {},
    resolverFor: () => runtime.resolver,
    afterEndpoints: async records => {
      const kinds = records.flatMap(({ endpoint, looks }) =>
        looks.flatMap(({ findings }) => findings.map(({ kind }) => `${endpoint} ${kind}`)),
      )
      rounds.push(kinds)
    },
    afterRefusal: async error => void refusals.push(error?.code ?? 'over'),
    onReload: reload => {
      hangUp = reload
      return { [Symbol.dispose]: () => {} }
    },
    log: (level, event, { message = '' } = {}) =>
      void log.push(`${level} ${event} ${String(message)}`.trim()),
    pid: 7,
    version: '0.0.0',
    signal: stop.signal,
  }
  const ended = runDaemon(options, runtime)
  ended.catch(() => {}) // each test looks at it where it matters
  await clock.advance(0)
  return {
    ...{ runtime, script, plans, applies, asked, log, rounds, refusals, ended },
    hangUp: () => hangUp(),
    stop: () => stop.abort(new AppError('ERR_ABORTED', 'stopped by SIGTERM')),
    status: () => daemonStatus(state, runtime),
    configure: text => files.put(place.file, text),
    [Symbol.asyncDispose]: async () => {
      stop.abort(new AppError('ERR_ABORTED', 'the test is over'))
      await ended.catch(() => {})
      assert.equal(clock.sleepers, 0, 'nothing is left behind')
    },
  }
}

function planOf({ due, reason: code }: Script, at: Instant): Plan {
  if (due === undefined) return { at, actions: [], refusals: [] }
  const reason = { code, text: '' }
  const action: Action =
    due <= at ? { kind: 'issue', spec, reason } : { kind: 'wait', spec, reason, until: due }
  return { at, actions: [action], refusals: [], nextWakeAt: due > at ? due : at }
}

test('what is due is done at its instant, and looked at once more to know what comes next', async () => {
  await using daemon = await start({ dueInMs: 90 * minuteMs })
  assert.deepEqual([daemon.plans, daemon.applies], [[0], []])
  await daemon.runtime.clock.advance(2 * hourMs)
  // At the start, after the hour of the endpoints, when it is due, and after that.
  assert.deepEqual(
    daemon.plans,
    [0, 60, 90, 90].map(minutes => minutes * minuteMs),
  )
  assert.deepEqual(daemon.applies, [90 * minuteMs])
  const { lastApply, nextLookAt } = (await daemon.status()) ?? {}
  assert.deepEqual(lastApply, {
    at: plusMs(daemon.runtime.clock.now(), -30 * minuteMs),
    changed: 0,
    failed: 0,
  })
  assert.equal(nextLookAt, plusMs(daemon.runtime.clock.now(), 30 * minuteMs))
})

test('nothing due is no work: no plan, nothing written, nothing said, a look at two paths a minute', async () => {
  await using daemon = await start({ dueInMs: 30 * dayMs })
  const { clock, files } = daemon.runtime
  const before = { calls: files.calls.length, log: daemon.log.length }
  await clock.advance(59 * minuteMs)
  const calls = files.calls.slice(before.calls)
  assert.deepEqual(
    new Set(calls.map(({ operation, path }) => `${operation} ${path}`)),
    new Set([`list ${place.dropIns}`, `facts ${place.file}`]),
  )
  assert.equal(calls.length, 2 * 59)
  assert.deepEqual(daemon.plans, [0])
  assert.equal(daemon.log.length, before.log)
})

test('SIGHUP reads the configuration and looks at once', async () => {
  await using daemon = await start()
  await daemon.runtime.clock.advance(10 * secondMs)
  daemon.hangUp()
  await daemon.runtime.clock.advance(0)
  assert.deepEqual(daemon.plans, [0, 10 * secondMs])
  assert.deepEqual(daemon.log.slice(-2), ['info configuration-read', 'debug looked'])
})

test('SIGHUP while it is at work is not forgotten', async () => {
  await using daemon = await start({ dueInMs: hourMs })
  const done = Promise.withResolvers<void>()
  daemon.script.apply = async () => {
    await done.promise
    daemon.script.due = undefined
  }
  await daemon.runtime.clock.advance(hourMs)
  assert.equal((await daemon.status())?.phase, 'applying')
  daemon.hangUp()
  await daemon.runtime.clock.advance(0)
  assert.ok(!daemon.log.includes('info configuration-read'))
  done.resolve()
  await daemon.runtime.clock.advance(0)
  assert.ok(daemon.log.includes('info configuration-read'))
})

for (const { name, hint, withinMs } of [
  { name: 'a second after the system hints at it', hint: true, withinMs: secondMs },
  { name: 'within a minute where the system does not hint', hint: false, withinMs: minuteMs },
]) {
  test(`a change of the configuration is taken up ${name}`, async () => {
    await using daemon = await start()
    const { clock, watch } = daemon.runtime
    await clock.advance(10 * minuteMs)
    await daemon.configure('certificates: { a.example: {}, b.example: {} }')
    if (hint) watch.hint('/etc/certwright')
    await clock.advance(withinMs)
    assert.deepEqual(daemon.plans, [0, 10 * minuteMs + withinMs])
    assert.equal((await daemon.status())?.configuration.certificates, 2)
  })
}

test('a broken configuration is said, and what was read before goes on', async () => {
  await using daemon = await start({ dueInMs: 30 * minuteMs })
  const { clock } = daemon.runtime
  await daemon.configure('certificats: {}')
  await clock.advance(20 * minuteMs)
  const refused = daemon.log.filter(line => line.includes('configuration-refused'))
  assert.equal(refused.length, 1, 'once, not every minute')
  assert.match(refused[0] ?? '', /error .*certificats.*unknown key/)
  assert.deepEqual(daemon.plans, [0])
  const { configuration } = (await daemon.status()) ?? {}
  assert.equal(configuration?.error?.code, 'ERR_CONFIG')
  assert.equal(configuration?.certificates, 1)

  await clock.advance(10 * minuteMs)
  assert.deepEqual(daemon.applies, [30 * minuteMs], 'a renewal is not late for it')
  await daemon.configure(goodConfig)
  await clock.advance(minuteMs)
  assert.equal((await daemon.status())?.configuration.error, undefined)
  assert.deepEqual(daemon.refusals, ['ERR_CONFIG', 'over'])
})

test('without a good configuration to begin with it does not start', async () => {
  const daemon = await start({ config: 'certificats: {}' })
  await assert.rejects(daemon.ended, { code: 'ERR_CONFIG' })
  assert.ok(!('holder' in (await daemon.runtime.tryLock(`${state}/locks/daemon.lock`, 'another'))))
})

test('a second daemon for the same state is refused with the name of the first', async () => {
  await using daemon = await start()
  const { runtime } = daemon
  const options = {
    ...{
      state,
      place,
      afterLook: async () => {},
      afterEndpoints: async () => {},
      resolverFor: () => runtime.resolver,
      afterRefusal: async () => {},
      log: () => {},
      pid: 8,
      version: '0.0.0',
    },
    loadConfig: () => loadConfig(place, {}, runtime),
    openManager: () => assert.fail('it looked'),
    onReload: () => ({ [Symbol.dispose]: () => {} }),
    signal: new AbortController().signal,
  }
  const second = runDaemon(options, runtime)
  second.catch(() => {})
  await runtime.clock.advance(5 * secondMs)
  await assert.rejects(second, { code: 'ERR_LOCKED', message: /already: certwright run/ })
})

for (const { name, jumpMs, looks } of [
  { name: 'is set forward past what is due', jumpMs: 40 * dayMs, looks: 2 },
  { name: 'is set forward, and nothing becomes due', jumpMs: dayMs, looks: 1 },
  { name: 'is set back', jumpMs: -365 * dayMs, looks: 1 },
  { name: 'moves on while the machine sleeps', jumpMs: 8 * hourMs, looks: 1 },
]) {
  test(`when the clock ${name}, it looks within a minute and a half, and that is all`, async () => {
    await using daemon = await start({ dueInMs: 30 * dayMs, reason: 'renewal-due' })
    const { clock } = daemon.runtime
    await clock.advance(10 * minuteMs)
    clock.jump(jumpMs)
    await clock.advance(1.5 * minuteMs)
    assert.equal(daemon.plans.length, 1 + looks)
    assert.equal(daemon.applies.length, looks - 1)
    await clock.advance(30 * minuteMs)
    assert.equal(daemon.plans.length, 1 + looks)
  })
}

test('after a start, what can wait waits a little, so that machines do not come all at once', async () => {
  const begun: number[] = []
  for (const seed of [1, 2, 3]) {
    await using daemon = await start({ dueInMs: -hourMs, reason: 'renewal-due', seed })
    assert.deepEqual(daemon.applies, [])
    await daemon.runtime.clock.advance(30 * secondMs)
    begun.push(...daemon.applies)
  }
  assert.equal(new Set(begun).size, 3)
  await using urgent = await start({ dueInMs: -hourMs, reason: 'expired' })
  assert.deepEqual(urgent.applies, [0])
})

test('what stays due although it was done is tried again with growing pauses', async () => {
  await using daemon = await start({ dueInMs: minuteMs })
  daemon.script.apply = async () => {}
  await daemon.runtime.clock.advance(dayMs)
  const pauses = daemon.applies.slice(1).map((at, index) => at - (daemon.applies[index] ?? 0))
  assert.ok(pauses.length > 100 && pauses.length < 300, `${pauses.length} in a day`)
  assert.ok(Math.max(...pauses) <= 10 * minuteMs)
  daemon.script.due = undefined
  await daemon.runtime.clock.advance(10 * minuteMs)
  const before = daemon.plans.length
  await daemon.runtime.clock.advance(hourMs)
  assert.equal(daemon.plans.length, before + 1, 'and is forgotten once it is done')
})

test('what cannot be looked at is tried again, told once, and what is possible is done', async () => {
  await using daemon = await start({ dueInMs: 30 * dayMs })
  daemon.script.plan = async () => {
    throw new AppError('ERR_STORE', 'the disk is gone')
  }
  await daemon.runtime.clock.advance(2 * hourMs)
  assert.ok(daemon.applies.length > 5, `${daemon.applies.length} attempts`)
  const told = daemon.log.filter(line => line.includes('the disk is gone'))
  assert.deepEqual(told, ['error look-failed the disk is gone'])
  assert.equal((await daemon.status())?.lastLook?.error?.code, 'ERR_STORE')
  const { localHttp } = daemon.runtime
  const health = await localHttp.ask(daemonSocketPath(state), { method: 'GET', path: '/health' })
  assert.equal(health?.status, 503)

  daemon.script.plan = async () => {}
  await daemon.runtime.clock.advance(10 * minuteMs)
  assert.equal((await daemon.status())?.lastLook?.error, undefined)
})

test('a defect in a look does not end it', async () => {
  await using daemon = await start({ dueInMs: 0 })
  daemon.script.due = plusMs(daemon.runtime.clock.now(), minuteMs)
  daemon.script.apply = async () => {
    throw new TypeError('a defect')
  }
  daemon.hangUp()
  await daemon.runtime.clock.advance(5 * minuteMs)
  assert.ok(daemon.log.includes('error look-failed a defect'))
  daemon.script.apply = async () => {
    daemon.script.due = undefined
  }
  await daemon.runtime.clock.advance(10 * minuteMs)
  assert.equal((await daemon.status())?.lastLook?.error, undefined)
})

test('told to stop in the middle of an issuance, it ends when that has cleaned up', async () => {
  const daemon = await start({ dueInMs: hourMs })
  const { clock, localHttp } = daemon.runtime
  const steps: string[] = []
  daemon.script.apply = async ({ signal }) => {
    await clock.sleep(dayMs, signal).catch(async (reason: unknown) => {
      await clock.sleep(secondMs)
      steps.push('cleaned up')
      throw reason
    })
  }
  await clock.advance(hourMs)
  daemon.stop()
  await clock.advance(0)
  assert.equal((await daemon.status())?.phase, 'stopping')
  void daemon.ended.then(() => steps.push('ended'))
  await clock.advance(secondMs)
  await daemon.ended
  assert.deepEqual(steps, ['cleaned up', 'ended'])
  assert.equal(daemon.log.at(-1), 'info stopped')
  assert.ok(!daemon.log.some(line => line.startsWith('error')))
  assert.equal(await localHttp.ask(daemonSocketPath(state), { method: 'GET', path: '/status' }), undefined)
  await daemon[Symbol.asyncDispose]()
})

test('told to stop while it waits, it ends at once', async () => {
  const daemon = await start({ dueInMs: dayMs })
  daemon.stop()
  await daemon.ended
  assert.equal(daemon.plans.length, 1)
  await daemon[Symbol.asyncDispose]()
})

test('whoever may open its socket can have it look, at everything or at some', async () => {
  await using daemon = await start({ dueInMs: 10 * dayMs })
  const { clock, localHttp } = daemon.runtime
  const post = async (path: string) => {
    const reply = await localHttp.ask(daemonSocketPath(state), { method: 'POST', path })
    await clock.advance(0)
    return reply?.status
  }
  assert.equal(await tellDaemon(state, daemon.runtime), true)
  await clock.advance(0)
  assert.deepEqual([daemon.plans.length, daemon.applies.length], [2, 0])
  assert.equal(await post('/apply?only=b.example'), 404)
  assert.equal(daemon.plans.length, 2)
  assert.equal(await post('/apply?only=a.example'), 202)
  assert.deepEqual(
    daemon.asked.map(({ only, eager }) => ({ only, eager })),
    [{ only: ['a.example'], eager: true }],
  )
  assert.equal(await post('/status'), 405)
  assert.equal(await tellDaemon('/elsewhere', daemon.runtime), false)
})

test('a request that comes with a change of the configuration is not lost', async () => {
  await using daemon = await start({ dueInMs: 10 * dayMs })
  const { clock, localHttp } = daemon.runtime
  await daemon.configure('certificates: { a.example: {}, b.example: {} }')
  const path = '/apply?only=a.example'
  const reply = await localHttp.ask(daemonSocketPath(state), { method: 'POST', path })
  await clock.advance(0)
  assert.equal(reply?.status, 202)
  assert.equal((await daemon.status())?.configuration.certificates, 2)
  assert.deepEqual(
    daemon.asked.map(({ only }) => only),
    [['a.example']],
  )
})

test('systemd is told what it does, and that it lives, as long as it does not hang', async () => {
  const told: string[] = []
  const exec: Exec = async (_, args) => {
    told.push(...args.filter(text => !text.startsWith('STATUS=next')))
    return { exitCode: 0, stdout: '', stderr: '' }
  }
  const variables = { NOTIFY_SOCKET: '/run/notify', WATCHDOG_USEC: String(10 * minuteMs * 1_000) }
  const daemon = await start({ dueInMs: 20 * minuteMs, exec, variables })
  const { clock } = daemon.runtime
  const news = async () => {
    await clock.advance(0)
    return told.splice(0)
  }
  assert.deepEqual(await news(), [
    ...['READY=1', 'STATUS=1 certificate'],
    'STATUS=1 certificate; next look 2030-01-01T00:20:00Z',
  ])
  await clock.advance(10 * minuteMs)
  assert.deepEqual(await news(), ['WATCHDOG=1', 'WATCHDOG=1'])
  await daemon.configure('certificats: {}')
  await clock.advance(minuteMs)
  assert.deepEqual(await news(), [
    ...['RELOADING=1', 'READY=1'],
    'STATUS=1 certificate; next look 2030-01-01T00:20:00Z; the configuration as it is now cannot be used',
  ])
  const never = Promise.withResolvers<void>()
  daemon.script.apply = () => never.promise
  await clock.advance(2 * hourMs)
  const later = await news()
  assert.equal(
    later.filter(text => text === 'WATCHDOG=1').length,
    14,
    'an hour after it began to hang is the last one',
  )
  never.reject(new AppError('ERR_ABORTED', 'given up'))
  daemon.stop()
  await daemon.ended
  assert.ok((await news()).includes('STOPPING=1'))
  await daemon[Symbol.asyncDispose]()
})

test('metrics follow the configuration, and what is wrong with them stops nothing', async () => {
  await using daemon = await start({ dueInMs: 30 * dayMs })
  const { clock, listeners, files } = daemon.runtime
  const scrape = (port: number, path = '/metrics') =>
    listeners.request(port, { method: 'GET', path, host: undefined })
  assert.equal(scrape(9402), undefined)
  await daemon.configure(
    `${goodConfig}\ndaemon: { metrics: "127.0.0.1:9402", metrics-file: /srv/metrics/c.prom }`,
  )
  await clock.advance(minuteMs)
  assert.match(scrape(9402)?.body ?? '', /^certwright_configuration_good 1$/m)
  assert.equal(scrape(9402, '/status')?.status, 404)
  assert.equal((await daemon.status())?.metricsError?.message.includes('ENOENT'), true)
  assert.equal(daemon.log.filter(line => line.startsWith('error metrics-failed')).length, 1)

  await files.makeDirectory('/srv/metrics', 0o755)
  await clock.advance(2 * hourMs)
  assert.equal((await daemon.status())?.metricsError, undefined)
  assert.match(await files.text('/srv/metrics/c.prom'), /^certwright_build_info\{version="0.0.0"\} 1$/m)
  assert.equal(((await files.facts('/srv/metrics/c.prom'))?.mode ?? 0) & 0o777, 0o644)
  assert.equal(daemon.log.filter(line => line.startsWith('error metrics-failed')).length, 1)

  await daemon.configure(`${goodConfig}\ndaemon: { metrics: "127.0.0.1:9403" }`)
  await clock.advance(minuteMs)
  assert.equal(scrape(9402), undefined)
  assert.ok(scrape(9403))
})

/** A certificate that was delivered to an endpoint of this machine. */
async function delivered(certificate: TestServerCertificate, runtime: Machine): Promise<void> {
  const { fingerprint, notBefore, notAfter, identifiers, issuer } = parseCertificate(certificate.leafDer)
  const stored = await saveGeneration(
    state,
    spec.name,
    {
      ...{ fingerprint, notBefore, notAfter, identifiers, issuer, serialNumber: '01' },
      ...{ keyType: 'ecdsa-p256', orderUrl: 'https://ca.example/1', authority: { id: 'ca', directory: '/' } },
      chain: [certificate.leafDer, certificate.intermediateDer],
    },
    runtime,
  )
  const endpoints = [{ host: '127.0.0.1', port: 443, serverName: 'a.example', source: '/n:1' }]
  const { generation } = stored
  const deployment = { target: 'nginx', generation, at: runtime.clock.now(), seenAt: [], endpoints }
  await writeDeployments(state, spec.name, [deployment], runtime)
}

test('a server that goes back to an earlier certificate is found within a minute, and told once', async () => {
  const authority = await testAuthority(fakeRuntime().clock.now())
  const [earlier, current] = [await issueTo(authority), await issueTo(authority)]
  let shown: TestServerCertificate | undefined = current
  let looks = 0
  const probeTls: ProbeTls = async () => {
    looks++
    if (shown === undefined) throw new AppError('ERR_NETWORK', 'nothing listens there')
    return { leaf: shown.leafDer, chain: [shown.leafDer, shown.intermediateDer], protocol: 'TLSv1.3' }
  }
  const prepare = (runtime: Machine) => delivered(current, runtime)
  await using daemon = await start({ dueInMs: 30 * dayMs, probeTls, prepare })
  const { clock } = daemon.runtime
  await clock.advance(50 * minuteMs)
  assert.deepEqual(daemon.plans, [0])
  assert.ok(looks >= 50 && looks < 110, `${looks} handshakes in 50 minutes`)

  // A server that is silent, as one that is restarted is, is left to the next look at everything.
  shown = undefined
  await clock.advance(2 * minuteMs)
  assert.deepEqual(daemon.plans, [0])

  shown = earlier
  await clock.advance(minuteMs)
  assert.equal(daemon.plans.length, 2)
  assert.deepEqual(
    daemon.log.filter(line => line.includes('stale')),
    ['warn endpoint-stale'],
  )
  await clock.advance(5 * minuteMs)
  assert.equal(daemon.plans.length, 2, 'what was to be done about it is for the plan to know')

  shown = current
  await clock.advance(minuteMs)
  shown = earlier
  await clock.advance(minuteMs)
  assert.equal(daemon.plans.length, 3, 'the same again is news')
})

test('while something is delivered nothing is taken for stale', async () => {
  const authority = await testAuthority(fakeRuntime().clock.now())
  const certificate = await issueTo(authority)
  const other = await issueTo(authority)
  let shown = certificate
  const probeTls: ProbeTls = async () => ({
    leaf: shown.leafDer,
    chain: [shown.leafDer],
    protocol: 'TLSv1.3',
  })
  const prepare = (runtime: Machine) => delivered(certificate, runtime)
  await using daemon = await start({ dueInMs: minuteMs, probeTls, prepare })
  const done = Promise.withResolvers<void>()
  daemon.script.apply = async () => {
    shown = other
    await done.promise
    await delivered(other, daemon.runtime)
    daemon.script.due = undefined
  }
  await daemon.runtime.clock.advance(10 * minuteMs)
  done.resolve()
  await daemon.runtime.clock.advance(10 * minuteMs)
  assert.deepEqual(
    daemon.log.filter(line => line.includes('stale')),
    [],
  )
})

test('monitored endpoints are looked at every five minutes or so, and at once when there are others', async () => {
  const authority = await testAuthority(fakeRuntime().clock.now())
  const certificate = await issueTo(authority)
  let isUp = true
  const probeTls: ProbeTls = async () => {
    if (!isUp) throw new AppError('ERR_NETWORK', 'nothing listens there')
    const { leafDer, intermediateDer } = certificate
    return { leaf: leafDer, chain: [leafDer, intermediateDer], protocol: 'TLSv1.3' }
  }
  const prepare = async ({ files }: Machine) => files.put('/roots.pem', authority.rootPem)
  const monitored = (host: string) =>
    `${goodConfig}\nendpoints: [{ endpoint: "${host}:443", server-name: a.example, roots: /roots.pem }]\ndaemon: { metrics: "127.0.0.1:9402" }`
  await using daemon = await start({ probeTls, prepare, config: monitored('192.0.2.1') })
  const { clock, listeners } = daemon.runtime
  const metrics = () =>
    listeners.request(9402, { method: 'GET', path: '/metrics', host: undefined })?.body ?? ''
  assert.deepEqual(daemon.rounds, [[]])
  const labels = 'endpoint="a.example at 192.0.2.1:443",address="a.example at 192.0.2.1:443"'
  assert.ok(metrics().includes(`certwright_monitored_endpoint_up{${labels}} 1\n`), metrics())
  assert.match(metrics(), /^certwright_monitored_endpoint_not_after_timestamp_seconds\{[^}]+\} \d{10}$/m)

  isUp = false
  await clock.advance(6 * minuteMs)
  assert.deepEqual(daemon.rounds, [[], ['a.example at 192.0.2.1:443 down']])
  assert.ok(metrics().includes(`certwright_monitored_endpoint_up{${labels}} 0\n`))
  await clock.advance(hourMs)
  assert.ok(daemon.rounds.length >= 12 && daemon.rounds.length <= 15, `${daemon.rounds.length} rounds`)

  isUp = true
  const before = daemon.rounds.length
  await daemon.configure(monitored('192.0.2.2'))
  daemon.hangUp()
  await clock.advance(secondMs)
  assert.deepEqual(daemon.rounds.slice(before), [[]])
  await daemon.configure(goodConfig)
  daemon.hangUp()
  await clock.advance(secondMs)
  assert.deepEqual(daemon.rounds.slice(before), [[], []], 'once more, to call off what was told')
  await clock.advance(3 * hourMs)
  assert.equal(daemon.rounds.length, before + 2)
  assert.doesNotMatch(await daemon.runtime.files.text(`${state}/endpoints.json`), /endpoint/)
})

function issueTo(authority: Awaited<ReturnType<typeof testAuthority>>): Promise<TestServerCertificate> {
  return authority.issue([{ type: 'dns', value: 'a.example' }])
}
