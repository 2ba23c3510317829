import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseIdentifier } from '../../../acme/identifier.ts'
import type { DeployableCertificate } from '../../../contracts/deployer.ts'
import type { TargetOptions } from '../../../contracts/target-options.ts'
import type { Scripted } from '../../../testing/fake-network.ts'
import { fakeRuntime } from '../../../testing/fake-runtime.ts'
import { recordedExec } from '../../../testing/recorded-exec.ts'
import { createContainerDeployer } from './container.ts'

const { signal } = new AbortController()
const certificate: DeployableCertificate = {
  name: 'a.example',
  identifiers: [parseIdentifier('a.example')],
  liveDirectory: '/state/live/a.example',
  fingerprint: 'ab',
}

function setUp(
  target: TargetOptions<'container'>,
  {
    clients = ['docker'],
    ps = 'aaa web-1\n',
    act = '',
  }: { readonly clients?: readonly string[]; readonly ps?: Scripted; readonly act?: Scripted } = {},
) {
  const { exec, runs, commands } = recordedExec(([client = '', first]) => {
    if (!clients.includes(client)) return undefined
    if (first === '--version') return `${client} 1`
    return first === 'ps' ? ps : act
  })
  return { runs, commands, deployer: createContainerDeployer(target, fakeRuntime({ exec })) }
}

const list = (client: string, filter: string) =>
  `${client} ps --no-trunc --filter ${filter} --format {{.ID}} {{.Names}}`

const ways: readonly (readonly [TargetOptions<'container'>, readonly string[]])[] = [
  [
    { name: 'web.1', exec: ['nginx', '-s', 'reload'] },
    ['docker --version', list('docker', 'name=^/?web\\.1$'), 'docker exec aaa nginx -s reload'],
  ],
  [
    { label: 'tier=web', signal: 'HUP', runtime: 'docker' },
    [list('docker', 'label=tier=web'), 'docker kill --signal HUP aaa'],
  ],
  [{ name: 'web', restart: true, runtime: 'docker' }, [list('docker', 'name=^/?web$'), 'docker restart aaa']],
]
for (const [target, expected] of ways) {
  test(`${JSON.stringify(target)} runs ${expected.at(-1)}`, async () => {
    const { deployer, commands, runs } = setUp(target)
    await deployer.activate({ signal })
    assert.deepEqual(commands(), expected)
    assert.ok(runs.filter(({ command }) => command[1] !== '--version').every(run => run.options.trustedOnly))
  })
}

test('podman is found where there is no docker, and every container of a label is told', async () => {
  const options = { clients: ['podman'], ps: 'aaa web-1\nbbb web-2,other\n' }
  const { deployer, commands } = setUp({ label: 'web', restart: true }, options)
  assert.equal((await deployer.inspect(certificate, { signal })).state, 'ready')
  await deployer.activate({ signal })
  assert.deepEqual(commands().slice(-2), ['podman restart aaa', 'podman restart bbb'])
})

const obstacles = [
  { options: { clients: [] }, state: 'broken', says: /neither docker nor podman/ },
  { options: { ps: '' }, state: 'not-running', says: /no container with the name web is running/ },
  {
    options: { ps: { exitCode: 1, stderr: 'permission denied while trying to connect' } },
    state: 'not-running',
    says: /"docker ps" ended with exit code 1: permission denied/,
  },
] as const
for (const { options, state, says } of obstacles) {
  test(`${state}: ${says}`, async () => {
    const { deployer } = setUp({ name: 'web', restart: true }, options)
    const inspection = await deployer.inspect(certificate, { signal })
    assert.ok(inspection.state === state)
    assert.match(inspection.error.message, says)
    assert.notEqual(inspection.error.hint, undefined)
    await assert.rejects(deployer.activate({ signal }), { code: 'ERR_DEPLOY', message: says })
  })
}

test('a container in which the program fails is named', async () => {
  const act = { exitCode: 126, stderr: 'exec failed: no such file' }
  const { deployer } = setUp({ name: 'web', exec: ['ngnix', '-s', 'reload'] }, { act })
  await assert.rejects(deployer.activate({ signal }), {
    code: 'ERR_DEPLOY',
    message: 'web-1: "ngnix -s reload" ended with exit code 126: exec failed: no such file',
    hint: 'run it by hand, and see: docker logs web-1',
  })
})
