/** What a process may be about when it is killed. */
import assert from 'node:assert/strict'
import { dayMs } from '../../src/base/instant.ts'
import { rolloverAccount, showAccount } from '../../src/cli/commands/account.ts'
import { revoke } from '../../src/cli/commands/revoke.ts'
import { observeCertificate } from '../../src/manage/observe/observe.ts'
import { defaultSpecName } from '../../src/manage/spec.ts'
import { liveGeneration } from '../../src/manage/store/generations.ts'
import { deploymentsPath, livePath } from '../../src/manage/store/paths.ts'
import { apply, type Scenario } from './kill.ts'
import { type Machine, type Process, state } from './machine.ts'
import { assertServes } from './well.ts'

/** Of 90: late enough for every draw of the time of renewal. */
const dueAfterMs = 75 * dayMs

/** A certificate is there, and due. */
async function obtainAndWait(machine: Machine): Promise<void> {
  const { result } = await machine.run(apply)
  assert.equal(result?.outcome, 'issued')
  await machine.clock.advance(dueAfterMs)
}

export const firstIssue: Scenario = { work: apply, certificates: 1 }

export const renewal: Scenario = {
  before: obtainAndWait,
  work: apply,
  between: assertServes,
  certificates: 2,
}

/** So many generations are there that the oldest goes. */
export const renewalWithRemoval: Scenario = {
  ...renewal,
  before: async machine => {
    for (let renewals = 0; renewals < 3; renewals += 1) await obtainAndWait(machine)
  },
  certificates: 4,
}

/** A key that is used again is read from the generation before. */
export const renewalWithSameKey: Scenario = { ...renewal, machine: { reuseKey: true } }

/** The first CA takes an order and cannot issue. */
export const fallback: Scenario = { ...firstIssue, machine: { fallback: true } }

export const deliveryAsAsked: Scenario = {
  before: machine => machine.run(apply),
  work: process => apply(process, { redeploy: true }),
  between: assertServes,
  certificates: 1,
}

/** Somebody has removed the link, and nothing is known of earlier deliveries. */
export const deliveryAnew: Scenario = {
  before: async machine => {
    await machine.run(apply)
    await machine.disk.remove(livePath(state, machine.spec.name))
    await machine.disk.remove(deploymentsPath(state, machine.spec.name))
  },
  work: apply,
  between: assertServes,
  certificates: 1,
}

/** The server does not take the new certificate, and gets the old one back. */
export const rollback: Scenario = {
  ...renewal,
  before: async machine => {
    await obtainAndWait(machine)
    machine.server.setStuck(true)
  },
  recover: async machine => {
    const old = machine.server.served()
    await failToDeliver(machine)
    assert.match((await liveGeneration(state, machine.spec.name, { files: machine.disk })) ?? '', /^000001-/)
    assert.equal(machine.server.served(), old)
    machine.server.setStuck(false)
    assert.equal((await machine.run(apply)).result?.outcome, 'deployed')
  },
}

/** It has not taken it once before, and everybody knows. */
export const secondRollback: Scenario = {
  ...rollback,
  before: async machine => {
    await rollback.before?.(machine)
    await failToDeliver(machine)
  },
}

async function failToDeliver(machine: Machine): Promise<void> {
  const { result } = await machine.run(apply)
  assert.equal(result?.error?.code, 'ERR_NOT_SERVED')
}

/** The same with a server that reads copies. */
export function withCopies(scenario: Scenario): Scenario {
  return { ...scenario, machine: { ...scenario.machine, copies: true } }
}

/** The account key is replaced; the renewal after that can use the account. */
export const rollover: Scenario = {
  ...renewal,
  work: ({ context }) => rolloverAccount(context, { args: [] }),
  after: async machine => {
    const { ca, disk } = machine
    assert.equal((await machine.run(({ context }) => showAccount(context))).result?.exitCode, 0)
    assert.equal(ca.accounts(), 1, 'another account was registered')
    const keys = [...disk.snapshot().keys()].filter(path => path.startsWith(`${state}/accounts/`))
    assert.deepEqual(
      keys.map(path => path.slice(path.lastIndexOf('/') + 1)),
      ['account.json', 'key.pem'],
    )
  },
}

/** A certificate is revoked, and replaced at once. Who revokes does so again when it is not said to be done. */
export const revocation: Scenario = {
  before: machine => machine.run(apply),
  work: revokeAndReplace,
  between: assertServes,
  recover: async machine => void (await machine.run(revokeAndReplace)),
  certificates: 2,
  after: async ({ ca }) => assert.equal(ca.revocations(), 1, 'revocations'),
}

async function revokeAndReplace(process: Process): Promise<void> {
  const { context } = process
  const name = 'a.example'
  const { generations } = await observeCertificate(
    state,
    defaultSpecName({ type: 'dns', value: name }),
    context.runtime,
  )
  const [first, second] = generations
  if (second === undefined && first?.revokedAt === undefined)
    await revoke(context, { args: [name], reason: 'key-compromise', yes: true })
  const { outcome, error } = await apply(process)
  assert.notEqual(outcome, 'failed', error?.message)
}
