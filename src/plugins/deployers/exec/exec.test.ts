import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseIdentifier } from '../../../acme/identifier.ts'
import { instant } from '../../../base/instant.ts'
import type { DeployableCertificate } from '../../../contracts/deployer.ts'
import type { TargetOptions } from '../../../contracts/target-options.ts'
import type { Scripted } from '../../../testing/fake-network.ts'
import { fakeRuntime } from '../../../testing/fake-runtime.ts'
import { recordedExec } from '../../../testing/recorded-exec.ts'
import { testAuthority } from '../../../testing/test-authority.ts'
import { encodePem } from '../../../x509/pem.ts'
import { createExecDeployer } from './exec.ts'

const { signal } = new AbortController()
const authority = await testAuthority(instant(Date.UTC(2030, 0, 1)))
const issued = await authority.issue([parseIdentifier('a.example')])
const certificate = (name: string): DeployableCertificate => ({
  name,
  identifiers: ['a.example', '*.a.example'].map(parseIdentifier),
  liveDirectory: `/state/live/${name}`,
  fingerprint: 'of the new one, whatever is there now',
})

async function setUp(target: TargetOptions<'exec'>, result: Scripted = '') {
  const { exec, runs, commands } = recordedExec(() => result)
  const runtime = fakeRuntime({ exec })
  for (const name of ['a', 'b'])
    await runtime.files.put(`/state/live/${name}/cert.pem`, encodePem('CERTIFICATE', issued.leafDer))
  return { runs, commands, deployer: createExecDeployer(target, runtime) }
}

test('the program is told what hooks are told, and nothing else of the environment', async () => {
  const { deployer, runs } = await setUp({ command: ['/usr/local/bin/push', 'two words'], timeout: '5 min' })
  await deployer.activate({ certificates: [certificate('a')], signal })
  const [run] = runs
  assert.deepEqual(run?.command, ['/usr/local/bin/push', 'two words'])
  assert.equal(run.options.trustedOnly, true)
  assert.equal(run.options.timeoutMs, 300_000)
  const {
    CERTWRIGHT_FINGERPRINT: fingerprint = '',
    CERTWRIGHT_NOT_AFTER: end = '',
    ...rest
  } = run.options.env ?? {}
  assert.match(fingerprint, /^[0-9a-f]{64}$/)
  assert.match(end, /^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
  assert.deepEqual(rest, {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    LANG: 'C.UTF-8',
    CERTWRIGHT_EVENT: 'delivery',
    CERTWRIGHT_NAME: 'a',
    CERTWRIGHT_IDENTIFIERS: 'a.example *.a.example',
    CERTWRIGHT_DIRECTORY: '/state/live/a',
    RENEWED_LINEAGE: '/state/live/a',
    RENEWED_DOMAINS: 'a.example *.a.example',
  })
})

test('both of a pair are told, one after the other', async () => {
  const { deployer, runs } = await setUp({ command: ['/bin/push'] })
  await deployer.activate({ certificates: [certificate('a'), certificate('b')], signal })
  assert.deepEqual(
    runs.map(({ options }) => options.env?.['CERTWRIGHT_NAME']),
    ['a', 'b'],
  )
})

test('on the way back the same program is run, or the one for it', async () => {
  const same = await setUp({ command: ['/bin/push'] })
  await same.deployer.activate({ certificates: [certificate('a')], goingBack: true, signal })
  assert.deepEqual(same.commands(), ['/bin/push'])
  assert.equal(same.runs[0]?.options.env?.['CERTWRIGHT_EVENT'], 'going-back')
  const other = await setUp({ command: ['/bin/push'], undo: ['/bin/pull', '-f'] })
  await other.deployer.activate({ certificates: [certificate('a')], goingBack: true, signal })
  assert.deepEqual(other.commands(), ['/bin/pull -f'])
})

test('a program that fails is quoted', async () => {
  const { deployer } = await setUp(
    { command: ['/bin/push', 'x'] },
    { exitCode: 3, stderr: 'no route\u001b[0m\n' },
  )
  await assert.rejects(deployer.activate({ certificates: [certificate('a')], signal }), {
    code: 'ERR_DEPLOY',
    message: /^"\/bin\/push x" ended with exit code 3: no route\S*\[0m$/,
    hint: 'run it by hand as the user that runs certwright, and see what it says',
  })
})
