import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseIdentifier } from '../../../acme/identifier.ts'
import type { DeployableCertificate, Deployer } from '../../../contracts/deployer.ts'
import type { TargetOptions } from '../../../contracts/target-options.ts'
import type { Scripted } from '../../../testing/fake-network.ts'
import { fakeRuntime } from '../../../testing/fake-runtime.ts'
import { recordedExec } from '../../../testing/recorded-exec.ts'
import { createSystemdDeployer } from './systemd.ts'

const { signal } = new AbortController()
const certificate: DeployableCertificate = {
  name: 'a.example',
  identifiers: [parseIdentifier('a.example')],
  liveDirectory: '/state/live/a.example',
  fingerprint: 'ab',
}
const active = { LoadState: 'loaded', ActiveState: 'active', CanReload: 'yes', MainPID: '7' }

type Machine = {
  readonly booted?: boolean
  readonly unit?: Readonly<Record<string, string>>
  /** What systemctl says to anything but `show`. */
  readonly act?: Scripted
  readonly log?: Scripted
}

async function setUp(
  target: TargetOptions<'systemd'>,
  { booted = true, unit = active, act = '', log = '' }: Machine = {},
) {
  const { exec, runs, commands } = recordedExec(([program, first]) => {
    if (program === 'journalctl') return log
    if (first !== 'show') return act
    const lines = Object.entries(unit).map(([name, value]) => `${name}=${value}`)
    return `${lines.join('\n')}\n`
  })
  const runtime = fakeRuntime({ exec })
  if (booted) await runtime.files.makeDirectory('/run/systemd/system', 0o755)
  return { runtime, runs, commands, deployer: createSystemdDeployer(target, runtime) }
}

async function inspect(deployer: Deployer): Promise<{ readonly state: string; readonly text: string }> {
  const inspection = await deployer.inspect(certificate, { signal })
  if (inspection.state === 'ready') return { state: 'ready', text: inspection.notes.join() }
  const { code, message, hint } = inspection.error
  return { state: inspection.state, text: `${code}: ${message} (${hint})` }
}

test('a unit is reloaded, or restarted where it cannot be', async () => {
  const { deployer, commands, runs } = await setUp({ unit: 'exim4' })
  assert.equal((await inspect(deployer)).state, 'ready')
  await deployer.activate({ signal })
  assert.deepEqual(commands(), [
    'systemctl show --property=LoadState,ActiveState,CanReload,MainPID exim4',
    'systemctl --no-ask-password reload-or-restart exim4',
    'systemctl show --property=LoadState,ActiveState,CanReload,MainPID exim4',
  ])
  assert.ok(runs.every(({ options }) => options.trustedOnly === true))
  assert.ok(!('prepare' in deployer), 'it reads live/')
})

test('the action can be chosen, and copies be written', async () => {
  const { deployer, commands } = await setUp({ unit: 'exim4', action: 'restart', directory: '/etc/tls' })
  await deployer.activate({ signal })
  assert.ok(commands().includes('systemctl --no-ask-password restart exim4'))
  assert.ok('prepare' in deployer)
})

const obstacles: readonly {
  readonly name: string
  readonly action?: 'reload' | 'restart'
  readonly machine: Machine
  readonly state: string
  readonly says: RegExp
}[] = [
  {
    name: 'a machine without systemd',
    machine: { booted: false },
    state: 'broken',
    says: /ERR_DEPLOY: there is no systemd on this machine.*\(use process \(a signal\), exec, or/,
  },
  {
    name: 'a unit that systemd does not know',
    machine: { unit: { ...active, LoadState: 'not-found' } },
    state: 'broken',
    says: /systemd has no unit exim4 .*list-units/,
  },
  {
    name: 'reload of one that cannot',
    action: 'reload',
    machine: { unit: { ...active, CanReload: 'no' } },
    state: 'broken',
    says: /exim4 cannot be reloaded \(leave action out/,
  },
  {
    name: 'reload of one that does not run',
    action: 'reload',
    machine: { unit: { ...active, ActiveState: 'failed' } },
    state: 'not-running',
    says: /exim4 is failed, so it cannot be reloaded \(systemctl start exim4\)/,
  },
  {
    name: 'restart of one that does not run',
    action: 'restart',
    machine: { unit: { ...active, ActiveState: 'inactive', CanReload: 'no' } },
    state: 'ready',
    says: /no endpoints/,
  },
]
for (const { name, action, machine, state, says } of obstacles) {
  test(`${name}: ${state}`, async () => {
    const { deployer } = await setUp({ unit: 'exim4', ...(action && { action }) }, machine)
    const found = await inspect(deployer)
    assert.equal(found.state, state)
    assert.match(found.text, says)
  })
}

const failures: readonly { readonly name: string; readonly machine: Machine; readonly says: RegExp }[] = [
  {
    name: 'systemctl fails',
    machine: {
      act: { exitCode: 1, stderr: 'Job for exim4.service failed.\n' },
      log: 'exim: bad key\nexit 1\n',
    },
    says: /^"systemctl reload-or-restart exim4" ended with exit code 1: Job for exim4\.service failed\.\nexim4: exim: bad key\nexim4: exit 1$/,
  },
  {
    name: 'the unit fails right after',
    machine: { unit: { ...active, ActiveState: 'failed' }, log: { exitCode: 1 } },
    says: /^"systemctl reload-or-restart exim4" succeeded, but the unit has failed since$/,
  },
]
for (const { name, machine, says } of failures) {
  test(`${name}: the error has the last words of the unit`, async () => {
    const { deployer } = await setUp({ unit: 'exim4' }, machine)
    await assert.rejects(deployer.activate({ signal }), {
      code: 'ERR_DEPLOY',
      message: says,
      hint: 'systemctl status exim4, and journalctl -u exim4 -n 50',
    })
  })
}
