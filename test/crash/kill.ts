/** Killing a process everywhere, on a new machine for each death, and looking that the next ones finish what it began. */
import assert from 'node:assert/strict'
import { isAppError } from '../../src/base/errors.ts'
import { hourMs } from '../../src/base/instant.ts'
import type { ApplyResult } from '../../src/manage/apply-result.ts'
import type { ApplyOptions } from '../../src/manage/manager.ts'
import type { Fate } from './life.ts'
import { createMachine, type Machine, type MachineOptions, type Process } from './machine.ts'
import { assertLimitsKept, assertWell, isTemporary } from './well.ts'

export type Scenario = {
  readonly machine?: MachineOptions
  /** What has happened when the process begins that is killed. */
  readonly before?: (machine: Machine) => Promise<unknown>
  /** What that process does. */
  readonly work: (process: Process) => Promise<unknown>
  /** What must be true between the death and the recovery. */
  readonly between?: (machine: Machine) => Promise<void>
  /** What later processes do until all is well; by default one that applies. */
  readonly recover?: (machine: Machine) => Promise<void>
  /** Certificates that all CAs have issued in the end. */
  readonly certificates: number
  /** What must be true in the end, besides that all is well. */
  readonly after?: (machine: Machine) => Promise<void>
}

/** How a process meets its end: killed alone, or together with its machine. */
export type End = 'killed' | 'power cut'

/**
 * What was tried. Each call of a process is a point to die before and a point to die after; those between two changes leave
 * the same world behind, and are tried by one death.
 */
export type Tried = { readonly points: number; readonly deaths: number }

/** Makes everything as it should be; pauses after failures are not kept. */
export async function apply({ manager }: Process, options: Partial<ApplyOptions> = {}): Promise<ApplyResult> {
  const { signal } = new AbortController()
  const [result] = await manager.apply({ eager: true, signal, ...options })
  if (result === undefined) throw new TypeError('a machine has one certificate')
  return result
}

/** Kills the process of a scenario before each of its changes. */
export async function killEverywhere(scenario: Scenario, ends: readonly End[] = ['killed']): Promise<Tried> {
  const { calls, changes, orders } = await play(scenario, 'undisturbed', {})
  for (const end of ends) {
    for (const [diesBefore, change] of changes.entries())
      await play(scenario, `${end} before change ${diesBefore}, ${change}`, {
        fates: [{ diesBefore }],
        end,
        orders,
      })
  }
  return { points: 2 * calls * ends.length, deaths: changes.length * ends.length }
}

/**
 * Kills it before some of its changes, and then the next one, too.
 * @param pairs - the two deaths, each as a share of all changes, from 0 up to 1
 */
export async function killTwice(
  scenario: Scenario,
  pairs: readonly (readonly [number, number])[],
): Promise<Tried> {
  const { changes, orders } = await play(scenario, 'undisturbed', {})
  for (const pair of pairs) {
    const fates = pair.map(share => ({ diesBefore: Math.floor(share * changes.length) }))
    await play(scenario, `killed twice: ${JSON.stringify(fates)}`, { fates, orders })
  }
  return { points: pairs.length, deaths: 2 * pairs.length }
}

/** Loses each reply of a CA once; the process lives on. */
export async function loseEveryReply(scenario: Scenario): Promise<Tried> {
  const { changes, orders } = await play(scenario, 'undisturbed', {})
  const replies = changes.flatMap((change, index) => (change.startsWith('POST ') ? [index] : []))
  for (const losesReplyOf of replies)
    await play(scenario, `without the reply to ${changes[losesReplyOf]}`, {
      fates: [{ losesReplyOf }],
      orders,
    })
  return { points: replies.length, deaths: 0 }
}

type PlayOptions = {
  /** What befalls the first processes; nothing befalls those after them. */
  readonly fates?: readonly Fate[]
  readonly end?: End
  /** Orders that it takes when nothing happens. */
  readonly orders?: number
}

type Played = { readonly calls: number; readonly changes: readonly string[]; readonly orders: number }

/** One machine from its beginning to its good end. */
async function play(scenario: Scenario, what: string, options: PlayOptions): Promise<Played> {
  try {
    return await playOut(scenario, options)
  } catch (error) {
    throw new Error(what, { cause: error })
  }
}

async function playOut(
  scenario: Scenario,
  { fates = [{}], end, orders: usual }: PlayOptions,
): Promise<Played> {
  const machine = await createMachine(scenario.machine)
  await scenario.before?.(machine)
  const since = machine.clock.now()
  const issuedBefore = issuedBy(machine)
  const ordersBefore = ordersAt(machine).length
  const newOrders = () => ordersAt(machine).slice(ordersBefore)

  const useless = new Set<string>()
  let first: Omit<Played, 'orders'> | undefined
  for (const fate of fates) {
    const { died, calls, changes } = await machine.run(scenario.work, fate)
    if (first === undefined) assert.equal(died, fate.diesBefore !== undefined)
    first ??= { calls, changes }
    if (end === 'power cut') await machine.reboot()
    await scenario.between?.(machine)
    for (const url of newOrders()) if (isUseless(url, changes, machine)) useless.add(url)
  }
  const spoilt = scenario.recover ? await scenario.recover(machine) : await recover(machine, end)
  const orders = newOrders().length
  if (usual !== undefined)
    assert.ok(orders <= usual + useless.size + (spoilt ?? 0), `${orders} orders were made`)
  assert.equal(issuedBy(machine), scenario.certificates, 'certificates that were issued')
  const issued = scenario.certificates - issuedBefore
  await assertLimitsKept(machine, { since, issued, deaths: fates.length })

  // What is too young to be certainly a dead process's goes when it has come of age.
  await machine.clock.advance(2 * hourMs)
  const later = await machine.run(apply)
  assert.equal(later.result?.outcome, 'unchanged', 'a second look found more to do')
  await assertWell(machine)
  assert.deepEqual([...machine.disk.snapshot().keys()].filter(isTemporary), [], 'temporary files')
  assert.deepEqual((await machine.run(apply)).changes, [], 'a third look changes something')
  await scenario.after?.(machine)
  return { calls: 0, changes: [], ...first, orders }
}

/** @returns orders that were spoilt because the CA looked at challenges while the power was off */
async function recover(machine: Machine, end: End | undefined): Promise<number> {
  const { result } = await machine.run(apply)
  const isSpoilt = end === 'power cut' && isAppError(result?.error, 'ERR_AUTHORIZATION')
  const last = isSpoilt ? (await machine.run(apply)).result : result
  assert.ok(last !== undefined && last.outcome !== 'failed', last?.error?.message)
  return isSpoilt ? 1 : 0
}

/** Whether an order is known to nobody, because a process died while it wrote down that the CA had made it, or leads nowhere. */
function isUseless(url: string, changes: readonly string[], { cas, disk }: Machine): boolean {
  const files = [...disk.snapshot()].filter(([path]) => !isTemporary(path))
  if (files.some(([, content]) => content.includes(url))) return false
  const wasJustMade = changes.slice(-2).some(change => change.endsWith('/new-order'))
  return wasJustMade || cas.some(({ neverIssues, orders }) => neverIssues && orders().includes(url))
}

function ordersAt({ cas }: Machine): readonly string[] {
  return cas.flatMap(({ orders }) => orders())
}

function issuedBy({ cas }: Machine): number {
  return cas.reduce((sum, { issued }) => sum + issued(), 0)
}
