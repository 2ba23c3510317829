import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseIdentifier } from '../../../acme/identifier.ts'
import type { DeployableCertificate } from '../../../contracts/deployer.ts'
import type { TargetOptions } from '../../../contracts/target-options.ts'
import { fakeClock } from '../../../testing/fake-clock.ts'
import { fakeRuntime } from '../../../testing/fake-runtime.ts'
import { recordedExec } from '../../../testing/recorded-exec.ts'
import { createRestartIfOlderDeployer } from './restart-if-older.ts'

const { signal } = new AbortController()
const certificate: DeployableCertificate = {
  name: 'a.example',
  identifiers: [parseIdentifier('a.example')],
  liveDirectory: '/state/live/a.example',
  fingerprint: 'ab',
}
const stat = (pid: number, ticks: number) => `${pid} (m) S 1 ${'0 '.repeat(17)}${ticks} 9\n`
/** Ticks since the machine began, at the beginning of a test. */
const bootTicks = 100_000
const restart = ['/usr/sbin/service', 'm', 'restart']

type Scene = {
  /** When the process began, in milliseconds from the beginning of the test. */
  readonly beganAt: number
  /** When the link was switched. */
  readonly switchedAt: number
  /** How long after the command the new process is there; never when absent. */
  readonly restartsAfterMs?: number
  readonly exitCode?: number
  /** When the link was made, under another name. */
  readonly writtenAt?: number
}

async function setUp(
  target: TargetOptions<'restart-if-older'>,
  { beganAt, switchedAt, restartsAfterMs, exitCode = 0, writtenAt }: Scene,
) {
  const clock = fakeClock({ autoAdvance: true })
  const ticks = () => bootTicks + clock.monotonic() / 10
  const commands: string[] = []
  let restartedAt: number | undefined
  const processAt = (): string => {
    const isNew =
      restartedAt !== undefined &&
      restartsAfterMs !== undefined &&
      clock.monotonic() >= restartedAt + restartsAfterMs
    return isNew
      ? stat(41, bootTicks + ((restartedAt ?? 0) + restartsAfterMs) / 10)
      : stat(40, bootTicks + beganAt / 10)
  }
  const { exec } = recordedExec(async ([program, first, ...rest]) => {
    if (program === 'cat') return stat(99, ticks())
    if (first === 'show') return 'LoadState=loaded\nActiveState=active\nMainPID=40\n'
    commands.push([program, first, ...rest].join(' '))
    restartedAt = clock.monotonic()
    return { exitCode }
  })
  const runtime = fakeRuntime({ exec, clock })
  const read = runtime.files.read.bind(runtime.files)
  runtime.files.read = async (path, options) =>
    path === '/proc/40/stat' ? new TextEncoder().encode(processAt()) : await read(path, options)
  for (const [at, act] of [
    [0, () => runtime.files.put('/proc/self/stat', stat(1, 1))],
    [0, () => runtime.files.put('/run/m.pid', '40')],
    [0, () => runtime.files.makeDirectory('/state/live', 0o755)],
    [0, () => runtime.files.makeDirectory('/run/systemd/system', 0o755)],
    [switchedAt, () => runtime.files.replaceLink(certificate.liveDirectory, '../certificates/1')],
  ] as const) {
    await clock.sleep(Math.max(0, at - clock.monotonic()))
    await act()
  }
  await clock.sleep(1_000)
  const facts = runtime.files.facts.bind(runtime.files)
  const start = clock.now() - clock.monotonic()
  runtime.files.facts = async path => {
    const found = await facts(path)
    return found && writtenAt !== undefined ? { ...found, mtimeMs: start + writtenAt } : found
  }
  return { commands, clock, deployer: createRestartIfOlderDeployer(target, runtime) }
}

const byPidFile = { 'pid-file': '/run/m.pid', program: 'm', restart }

test('a process that is older than the switch is restarted', async () => {
  const { deployer, commands } = await setUp(byPidFile, {
    beganAt: -60_000,
    switchedAt: 5_000,
    restartsAfterMs: 2_000,
  })
  assert.equal((await deployer.inspect(certificate, { signal })).state, 'ready')
  await deployer.activate({ certificates: [certificate], signal })
  assert.deepEqual(commands, ['/usr/sbin/service m restart'])
})

test('one that began after it is left alone', async () => {
  const { deployer, commands } = await setUp(byPidFile, { beganAt: 5_100, switchedAt: 5_000 })
  await deployer.activate({ certificates: [certificate], signal })
  assert.deepEqual(commands, [])
})

test('one that began in the same hundredth of a second is restarted', async () => {
  const { deployer, commands } = await setUp(byPidFile, {
    beganAt: 5_010,
    switchedAt: 5_000,
    restartsAfterMs: 0,
  })
  await deployer.activate({ certificates: [certificate], signal })
  assert.equal(commands.length, 1)
})

test('when the files were written does not count, but when they got their names', async () => {
  const scene = { beganAt: 4_000, switchedAt: 5_000, restartsAfterMs: 0, writtenAt: 3_000 }
  const { deployer, commands } = await setUp(byPidFile, scene)
  await deployer.activate({ certificates: [certificate], signal })
  assert.equal(commands.length, 1)
})

test('a restart that leaves the old process there is no success', async () => {
  const { deployer, clock } = await setUp(byPidFile, { beganAt: -60_000, switchedAt: 5_000 })
  const before = clock.monotonic()
  await assert.rejects(deployer.activate({ certificates: [certificate], signal }), {
    code: 'ERR_DEPLOY',
    message: 'm is still the process from before, after "/usr/sbin/service m restart" succeeded',
  })
  assert.ok(clock.monotonic() - before <= 121_000)
})

test('a restart that fails is told at once', async () => {
  const { deployer } = await setUp(byPidFile, { beganAt: -60_000, switchedAt: 5_000, exitCode: 5 })
  await assert.rejects(deployer.activate({ certificates: [certificate], signal }), {
    message: '"/usr/sbin/service m restart" ended with exit code 5',
  })
})

test('a unit is restarted by systemd, when its main process is old', async () => {
  const scene = { beganAt: -60_000, switchedAt: 5_000, restartsAfterMs: 0 }
  const { deployer, commands } = await setUp({ unit: 'm' }, scene)
  await deployer.activate({ certificates: [certificate], signal })
  assert.deepEqual(commands, ['systemctl --no-ask-password restart m'])
})

test('what is not running cannot be told to read anything', async () => {
  const target = { 'pid-file': '/run/other.pid', restart }
  const { deployer } = await setUp(target, { beganAt: 0, switchedAt: 0 })
  const inspection = await deployer.inspect(certificate, { signal })
  assert.ok(inspection.state === 'not-running')
  assert.match(inspection.error.message, /the process of \/run\/other\.pid is not running: .*does not exist/)
})
