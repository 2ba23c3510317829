/**
 * A state directory that somebody, or a broken disk, has damaged: whichever file it is and whatever is left of it, the next run
 * mends what can be mended, and orders a certificate only where none is left that is good enough.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dayMs } from '../../src/base/instant.ts'
import { newest } from '../../src/manage/observe/observation.ts'
import { observeCertificate } from '../../src/manage/observe/observe.ts'
import { apply } from './kill.ts'
import { createMachine, type Machine, state, webroot } from './machine.ts'
import { assertWell } from './well.ts'

/** What becomes of a text; nothing where the file goes. */
const damages: Readonly<Record<string, (text: string) => string | undefined>> = {
  'is gone': () => undefined,
  'is empty': () => '',
  'is cut in half': text => text.slice(0, text.length / 2),
  'holds something else': () => 'Dear diary\n',
  'is another document': () => '{ "at": 1, "entries": 7, "fullAt": [], "generation": {} }\n',
  'is null': () => 'null\n',
}
/** 90 days, of which a third is left. */
const dueAfterMs = 60 * dayMs

type Damage = readonly [what: string, damage: (text: string) => string | undefined]

const before: Readonly<Record<string, (machine: Machine) => Promise<void>>> = {
  'after a first issuance': async machine => void (await machine.run(apply)),
  'after a renewal that was not taken by the server': async machine => {
    await machine.run(apply)
    await machine.clock.advance(75 * dayMs)
    machine.server.setStuck(true)
    assert.equal((await machine.run(apply)).result?.error?.code, 'ERR_NOT_SERVED')
    machine.server.setStuck(false)
  },
  'in the middle of an issuance': async machine => {
    const { changes } = await (await createMachine()).run(apply)
    const diesBefore = changes.findIndex(change => change.endsWith('/finalize'))
    await machine.run(apply, { diesBefore })
  },
}

for (const [when, prepare] of Object.entries(before)) {
  test(when, async t => {
    const places = await stateFiles(prepare)
    for (const place of places) {
      await t.test(`${place} is damaged`, async () => {
        for (const damage of Object.entries(damages)) await survive(place, damage, prepare)
      })
    }
    assert.ok(places.length >= 6)
  })
}

/** Files of the state directory, which are the same on each machine that was prepared in this way. */
async function stateFiles(prepare: (machine: Machine) => Promise<void>): Promise<readonly string[]> {
  const machine = await createMachine()
  await prepare(machine)
  return [...machine.disk.snapshot().keys()].filter(path => path.startsWith(state))
}

async function survive(
  place: string,
  [what, damage]: Damage,
  prepare: (machine: Machine) => Promise<void>,
): Promise<void> {
  const machine = await createMachine()
  await prepare(machine)
  const { ca, disk, spec } = machine
  const text = disk.snapshot().get(place) ?? assert.fail(`${place} is not there`)
  await put(place, damage(text), machine)

  const { generations } = await observeCertificate(state, spec.name, { files: disk })
  const current = newest({ generations })
  const isGood = current !== undefined && current.notBefore + dueAfterMs > machine.clock.now()
  const issued = ca.issued()
  const { result } = await machine.run(apply)
  if (place.includes('/accounts/') && !isGood) {
    // What cannot be made again is a person's to put back, and then it goes on.
    if (result?.outcome === 'failed') {
      assert.match(result.error?.message ?? '', /accounts\/.* is damaged|its key is missing/, what)
      assert.match(result.error?.hint ?? '', /restore it from a backup/, what)
      await put(place, text, machine)
      assert.notEqual((await machine.run(apply)).result?.outcome, 'failed', what)
    }
    assert.equal(ca.accounts(), 1, 'another account was registered')
  } else assert.notEqual(result?.outcome, 'failed', `${what}: ${result?.error?.message}`)
  assert.equal(ca.issued() - issued, isGood ? 0 : 1, `${what}: certificates`)
  assert.equal((await machine.run(apply)).result?.outcome, 'unchanged', what)
  assert.deepEqual((await machine.run(apply)).changes, [], what)
  if (place.includes('/accounts/')) await put(place, text, machine) // which is not asked for before the next renewal

  // What has happened is written on, and generations that cannot be read go when they are old enough.
  for (let renewals = 0; renewals < 3; renewals += 1) {
    await machine.clock.advance(75 * dayMs)
    assert.equal((await machine.run(apply)).result?.outcome, 'issued', what)
  }
  // Only the journal knew what a run had put there for its challenges: nothing secret, and in nobody's way.
  if (place.includes('/runs/')) await disk.remove(`${webroot}/.well-known`)
  if (!place.endsWith('/meta.json')) await assertWell(machine)
}

async function put(place: string, text: string | undefined, { disk }: Machine): Promise<void> {
  const isLink = (await disk.facts(place))?.kind === 'symlink' || place.includes('/live/')
  await disk.remove(place)
  if (text === undefined) return
  if (isLink) await disk.replaceLink(place, text === '' ? '.' : text.replace('-> ', ''))
  else await disk.replace(place, text, 0o600)
}
