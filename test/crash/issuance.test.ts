/** A process that is killed while it obtains a certificate loses nothing and costs no second one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { revoke } from '../../src/cli/commands/revoke.ts'
import { apply, killEverywhere, loseEveryReply } from './kill.ts'
import { createMachine, type Machine, state, webroot } from './machine.ts'
import { fallback, firstIssue, renewal, renewalWithRemoval, renewalWithSameKey } from './scenarios.ts'
import { tried } from './tried.ts'
import { assertWell } from './well.ts'

const both = ['killed', 'power cut'] as const

test('a first issuance', async t => {
  tried(t, await killEverywhere(firstIssue, both), { atLeast: 700 })
})

test('a renewal, and the old certificate is served until the end', async t => {
  tried(t, await killEverywhere(renewal, both), { atLeast: 750 })
})

test('a renewal after which an old generation goes', async t => {
  tried(t, await killEverywhere(renewalWithRemoval), { atLeast: 450 })
})

test('a renewal with the key of the certificate before', async t => {
  tried(t, await killEverywhere(renewalWithSameKey), { atLeast: 350 })
})

test('an issuance by the second CA, after the first has taken an order and failed', async t => {
  tried(t, await killEverywhere(fallback), { atLeast: 550 })
})

test('each reply of the CA that is lost is asked for again', async t => {
  tried(t, await loseEveryReply(firstIssue), { atLeast: 9 })
  tried(t, await loseEveryReply(renewal), { atLeast: 8 })
})

test('a certificate that is revoked before anybody tidied up after its run is replaced, not fetched again', async () => {
  const { changes } = await (await createMachine()).run(apply)
  const diesBefore = changes.indexOf(`rename ${state}/runs/a.example`)
  const machine = await createMachine()
  assert.ok((await machine.run(apply, { diesBefore })).died)
  await machine.run(({ context }) =>
    revoke(context, { args: ['a.example'], reason: 'key-compromise', yes: true }),
  )
  assert.equal((await machine.run(apply)).result?.action?.reason.code, 'revoked')
  assert.deepEqual([machine.ca.issued(), machine.ca.revocations()], [2, 1])
  await assertWell(machine)
})

test('what could not be taken away after an issuance is taken away by the next run, also where nothing is due', async () => {
  const machine = await createMachine()
  const { disk } = machine
  const good = { ...disk }
  disk.remove = path => (path.startsWith(webroot) ? Promise.reject(new Error('not now')) : good.remove(path))
  assert.equal((await machine.run(apply)).result?.outcome, 'issued')
  assert.equal((await challengeFiles(machine)).length, 2)

  Object.assign(disk, good)
  assert.equal((await machine.run(apply)).result?.outcome, 'unchanged')
  assert.deepEqual(await challengeFiles(machine), [])
  assert.deepEqual(await disk.list(`${state}/runs`), [])
})

async function challengeFiles({ disk }: Machine): Promise<readonly string[]> {
  return disk.list(`${webroot}/.well-known/acme-challenge`)
}
