import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseIdentifier } from '../../../acme/identifier.ts'
import type { DeployableCertificate, Inspection } from '../../../contracts/deployer.ts'
import type { TargetOptions } from '../../../contracts/target-options.ts'
import { fakeRuntime } from '../../../testing/fake-runtime.ts'
import { recordedExec } from '../../../testing/recorded-exec.ts'
import { createProcessDeployer } from './process.ts'

const abort = new AbortController()
const signal = abort.signal
const certificate: DeployableCertificate = {
  name: 'a.example',
  identifiers: [parseIdentifier('a.example')],
  liveDirectory: '/state/live/a.example',
  fingerprint: 'ab',
}
const stat = (pid: number, ticks: number) => `${pid} (mosquitto) S 1 ${'0 '.repeat(17)}${ticks} 9\n`

type Options = {
  /** What a signal does to the machine. */
  readonly onSignal?: (machine: Awaited<ReturnType<typeof machineWith>>) => Promise<void> | void
  readonly refuses?: string
}

/** A machine with a mosquitto, process 40, that began ten seconds ago, and its pid file, written nine seconds ago. */
async function machineWith() {
  const { exec } = recordedExec(() => stat(99, 2_000))
  const sent: string[] = []
  const runtime = fakeRuntime({ exec })
  await runtime.files.put('/proc/self/stat', stat(1, 1))
  await runtime.files.put('/proc/40/stat', stat(40, 1_000))
  await runtime.files.put('/proc/40/cmdline', '/usr/sbin/mosquitto\0-c\0x')
  await runtime.files.put('/run/m.pid', '40\n')
  return { runtime, sent }
}

async function setUp(target: TargetOptions<'process'>, { onSignal, refuses }: Options = {}) {
  const machine = await machineWith()
  const { runtime, sent } = machine
  const work: Promise<void>[] = []
  const sendSignal = (pid: number, name: string) => {
    if (refuses !== undefined) throw Object.assign(new Error(`kill ${refuses}`), { code: refuses })
    sent.push(`${name} ${pid}`)
    work.push(Promise.resolve(onSignal?.(machine)))
  }
  const sleep = async (ms: number) => {
    await Promise.all(work)
    assert.ok(ms < 1_000)
  }
  const clock = { ...runtime.clock, sleep }
  return { runtime, sent, deployer: createProcessDeployer(target, { ...runtime, clock, sendSignal }) }
}

function textOf(inspection: Inspection): string {
  return inspection.state === 'ready' ? 'ready' : `${inspection.state}: ${inspection.error.message}`
}

test('the process of a pid file gets HUP', async () => {
  const { deployer, sent } = await setUp({ 'pid-file': '/run/m.pid' })
  assert.equal(textOf(await deployer.inspect(certificate, { signal })), 'ready')
  assert.deepEqual(sent, [], 'looking changes nothing')
  await deployer.activate({ signal })
  assert.deepEqual(sent, ['HUP 40'])
})

test('another signal, to a process that is found by its name', async () => {
  const { deployer, sent } = await setUp({ program: 'mosquitto', signal: 'USR1' })
  await deployer.activate({ signal })
  assert.deepEqual(sent, ['USR1 40'])
})

const strangers: readonly (readonly [
  string,
  TargetOptions<'process'>,
  Readonly<Record<string, string>>,
  RegExp,
])[] = [
  [
    'another program',
    { 'pid-file': '/run/m.pid', program: 'exim4' },
    {},
    /names process 40, which is not exim4/,
  ],
  [
    'one that began after the pid file was written',
    { 'pid-file': '/run/m.pid' },
    { '/proc/40/stat': stat(40, 1_980) },
    /began after the file was written/,
  ],
  [
    'one that is gone',
    { 'pid-file': '/run/m.pid' },
    { '/run/m.pid': '41\n' },
    /names process 41, which is gone/,
  ],
  ['no pid', { 'pid-file': '/run/m.pid' }, { '/run/m.pid': '-1\n' }, /holds no process id/],
  ['no pid file', { 'pid-file': '/run/n.pid' }, {}, /does not exist/],
]
for (const [name, target, files, says] of strangers) {
  test(`${name} gets no signal`, async () => {
    const { deployer, sent, runtime } = await setUp(target)
    await runtime.clock.advance(10_000)
    for (const [path, text] of Object.entries(files)) await runtime.files.put(path, text)
    const inspection = await deployer.inspect(certificate, { signal })
    assert.match(textOf(inspection), /^not-running: /)
    assert.match(textOf(inspection), says)
    await assert.rejects(deployer.activate({ signal }), { code: 'ERR_DEPLOY', message: says })
    assert.deepEqual(sent, [])
  })
}

test('a process that ends by the signal is told, unless another one follows', async () => {
  const end: Options['onSignal'] = ({ runtime }) => runtime.files.remove('/proc/40')
  const { deployer } = await setUp({ 'pid-file': '/run/m.pid', program: 'mosquitto' }, { onSignal: end })
  await assert.rejects(deployer.activate({ signal }), {
    code: 'ERR_DEPLOY',
    message: 'mosquitto ended when it was sent HUP',
  })
  const follow: Options['onSignal'] = async machine => {
    await end(machine)
    await machine.runtime.files.put('/proc/50/stat', stat(50, 2_100))
    await machine.runtime.files.put('/run/m.pid', '50\n')
  }
  const followed = await setUp({ 'pid-file': '/run/m.pid', program: 'mosquitto' }, { onSignal: follow })
  await followed.deployer.activate({ signal })
  const supervised = await setUp({ program: 'mosquitto', signal: 'TERM' }, { onSignal: end })
  await supervised.deployer.activate({ signal })
})

test('without the right to send signals it is said what to do', async () => {
  const { deployer } = await setUp({ program: 'mosquitto' }, { refuses: 'EPERM' })
  await assert.rejects(deployer.activate({ signal }), {
    code: 'ERR_DEPLOY',
    message: 'cannot send HUP to mosquitto (pid 40): kill EPERM',
    hint: 'run certwright as root, or as the user of the server',
  })
})
