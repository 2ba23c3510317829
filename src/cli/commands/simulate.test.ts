import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError } from '../../base/errors.ts'
import { fakeRuntime } from '../../testing/fake-runtime.ts'
import type { CommandContext } from '../command.ts'
import { type SimulateFlags, simulateCommand } from './simulate.ts'

const usual: SimulateFlags = {
  perDomain: '1',
  years: '1',
  lifetime: '90d',
  renewalInfo: true,
  failures: '1%',
  ledger: true,
  seed: '1',
}
const config = `
authority: letsencrypt
certificates:
  one: { identifiers: [a.example.com] }
  two: { identifiers: [b.example.com] }
  three: { identifiers: [c.example.net], authority: zerossl }
`

async function run(flags: Partial<SimulateFlags>, { text = config, abort = new AbortController() } = {}) {
  const runtime = fakeRuntime({}, { autoAdvance: true })
  await runtime.files.makeDirectory('/etc', 0o755)
  await runtime.files.writeNew('/etc/c.yaml', text, 0o600)
  const context: CommandContext = {
    globals: { color: false },
    runtime,
    place: { file: '/etc/c.yaml', dropIns: '/etc/certificates.d', mustExist: false },
    state: '/state',
    authority: undefined,
    onEvent: () => {},
    endProgress: () => {},
    interactive: false,
    signal: abort.signal,
  }
  const { exitCode, text: shown, json } = await simulateCommand(context, { ...usual, ...flags })
  const { simulations } = json as { readonly simulations: readonly Record<string, unknown>[] }
  return { exitCode, shown, simulations, files: runtime.files }
}

test('the configured certificates, at each authority', async () => {
  const { exitCode, simulations, shown } = await run({})
  assert.equal(exitCode, 0)
  assert.deepEqual(
    simulations.map(({ authority, certificates, days }) => [authority, certificates, days]),
    [
      ['letsencrypt', 2, 365],
      ['zerossl', 1, 365],
    ],
  )
  assert.match(shown, /^2 certificates at letsencrypt for 365 days; they live 90 d; seed 1$/m)
  assert.match(shown, /^expired +0$/m)
  assert.match(shown, /^per hour +0 +0 +0 +1$/m)
  assert.match(shown, /^2030-01-01 +\d/m)
})

test('certificates that run out end it with exit code 1', async () => {
  const { exitCode, simulations } = await run({ certificates: '20', outage: ['30d+90d'] })
  assert.equal(exitCode, 1)
  assert.ok(Number(simulations[0]?.['expiries']) > 0)
})

test('without the ledger the CA refuses what is too much', async () => {
  const flags = { certificates: '120', perDomain: '120', new: '1h', years: '0.1' }
  const [blind] = (await run({ ...flags, ledger: false })).simulations
  const [seeing] = (await run(flags)).simulations
  const [granted] = (await run({ ...flags, ledger: false, limit: ['certificates-per-domain=none'] }))
    .simulations
  assert.ok(Number(blind?.['refusals']) > 0)
  assert.equal(seeing?.['refusals'], 0)
  assert.ok(Number(seeing?.['heldBack']) > 0)
  assert.equal(granted?.['refusals'], 0)
})

test('it stores nothing', async () => {
  const { files } = await run({ certificates: '5', new: true })
  assert.deepEqual(await files.list('/state'), [])
})

test('it can be stopped', async () => {
  const abort = new AbortController()
  abort.abort(new AppError('ERR_ABORTED', 'stopped'))
  await assert.rejects(run({ certificates: '5' }, { abort }), { code: 'ERR_ABORTED' })
})

const mistakes: readonly Partial<SimulateFlags>[] = [
  { certificates: '0' },
  { certificates: '1e6' },
  { certificates: '10000001' },
  { certificates: '5', perDomain: '-1' },
  { years: '0' },
  { years: '31' },
  { lifetime: '90' },
  { lifetime: '0d' },
  { new: 'soon' },
  { failures: '0.5' },
  { failures: '101%' },
  { outage: ['30d'] },
  { outage: ['30d+1h+1h'] },
  { outage: ['30d+0h'] },
  { limit: ['orders=5/1h'] },
  { limit: ['new-orders=5'] },
  { limit: ['toString=none'] },
  { seed: '0' },
]
for (const flags of mistakes) {
  test(`${JSON.stringify(flags)} is a mistake of the command line`, async () => {
    await assert.rejects(run(flags), { code: 'ERR_USAGE' })
  })
}

test('without any certificates it says how to invent some', async () => {
  await assert.rejects(run({}, { text: 'authority: letsencrypt\n' }), {
    code: 'ERR_USAGE',
    hint: 'certwright simulate --certificates 1000 invents some',
  })
})
