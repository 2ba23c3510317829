/** A process that is killed at any call of the disk loses nothing and costs no second certificate. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { listGenerations, liveGeneration, readGeneration } from '../../src/manage/store/generations.ts'
import { createMachine, type Death, type Machine, state, webroot } from './machine.ts'

const whens = ['before', 'after'] as const

test('a first issuance survives its death at every call of the disk', async () => {
  const { calls } = await (await createMachine()).run()
  assert.ok(calls > 40, `only ${calls} calls were made`)
  for (const death of deaths(calls)) {
    const machine = await createMachine()
    const { result } = await machine.run({ death })
    assert.equal(result, 'died')
    await recover(machine, death, 1)
  }
})

test('a renewal survives its death at every call of the disk, and the old certificate is served until the end', async () => {
  const measured = await createMachine()
  await measured.run()
  const { calls } = await measured.run({ force: true })
  for (const death of deaths(calls)) {
    const machine = await createMachine()
    await machine.run()
    const old = machine.served()
    await machine.run({ force: true, death })
    await assertServed(machine, death)
    // A run that died before it wrote anything leaves nothing to continue: the old certificate is as good as before.
    await recover(machine, death, undefined)
    assert.ok(machine.issued() <= 2, `${describe(death)}: ${machine.issued()} certificates were issued`)
    if (machine.issued() === 2)
      assert.notEqual(machine.served(), old, `${describe(death)}: the new one was paid for and is not served`)
  }
})

test('a process that is killed again while it recovers loses nothing either', async () => {
  const { calls } = await (await createMachine(['a.example'])).run()
  const firstDeaths = Array.from({ length: Math.ceil(calls / 7) }, (_, index) => 1 + index * 7)
  for (const first of firstDeaths) {
    for (let second = 1; second <= calls; second += 5) {
      const machine = await createMachine(['a.example'])
      await machine.run({ death: { call: first, when: 'after' } })
      await machine.run({ death: { call: second, when: 'before' } })
      await recover(machine, { call: first, when: 'after' }, 1)
    }
  }
})

test('what could not be taken away after an issuance is taken away by the next run, also where nothing is due', async () => {
  const machine = await createMachine(['a.example'])
  const good = { ...machine.files }
  machine.files.remove = path =>
    path.startsWith(webroot) ? Promise.reject(new Error('not now')) : good.remove(path)
  const { result } = await machine.run()
  assert.ok(result !== 'died' && result.outcome === 'issued')
  assert.equal((await challengeFiles(machine)).length, 1)

  Object.assign(machine.files, good)
  await machine.run()
  assert.deepEqual(await challengeFiles(machine), [])
  assert.deepEqual(await machine.files.list(`${state}/runs`), [])
})

async function recover(machine: Machine, death: Death, certificates: number | undefined): Promise<void> {
  const { result } = await machine.run()
  assert.ok(
    result !== 'died' && result.outcome !== 'failed',
    `${describe(death)}: ${result === 'died' ? result : result.error?.message}`,
  )
  if (certificates !== undefined)
    assert.equal(machine.issued(), certificates, `${describe(death)}: certificates issued`)
  await assertServed(machine, death)
  const { damaged } = await listGenerations(state, machine.spec.name, machine)
  assert.deepEqual(damaged, [], `${describe(death)}: torn generations`)
  // A death right after the directory was made leaves it empty; the next issuance takes it.
  assert.deepEqual(
    await machine.files.list(`${state}/runs/${machine.spec.name}`),
    [],
    `${describe(death)}: journal entries left`,
  )
  assert.deepEqual(await challengeFiles(machine), [], `${describe(death)}: challenge files left`)
  const again = await machine.run()
  assert.ok(
    again.result !== 'died' && again.result.outcome === 'unchanged',
    `${describe(death)}: a second look found more to do`,
  )
}

async function assertServed(machine: Machine, death: Death): Promise<void> {
  const live = await liveGeneration(state, machine.spec.name, machine)
  assert.ok(live !== undefined, `${describe(death)}: no live certificate`)
  const { fingerprint } = await readGeneration(state, machine.spec.name, live, machine)
  const all = (await listGenerations(state, machine.spec.name, machine)).stored.map(
    stored => stored.fingerprint,
  )
  assert.ok(all.includes(machine.served() ?? ''), `${describe(death)}: something unknown is served`)
  assert.ok(all.includes(fingerprint))
}

async function challengeFiles({ files }: Machine): Promise<readonly string[]> {
  return files.list(`${webroot}/.well-known/acme-challenge`)
}

function deaths(calls: number): readonly Death[] {
  return Array.from({ length: calls }, (_, index) => whens.map(when => ({ call: index + 1, when }))).flat()
}

function describe({ call, when }: Death): string {
  return `killed ${when} call ${call}`
}
