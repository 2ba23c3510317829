/** Delivering one after the other, within this process and between processes, and all together that are ready. */
import { minuteMs } from '../base/instant.ts'
import type { Deployer } from '../contracts/deployer.ts'
import type { Lock } from '../runtime/lock.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { type Convoy, createConvoy } from './convoy.ts'
import type { OnEvent } from './events.ts'
import { type Delivery, deployTogether } from './execute/deploy.ts'
import type { DeployTarget } from './spec.ts'
import { type LockOptions, takeLock } from './store/locks.ts'

/** How long another process may deliver: a server that shows nothing new is looked at for a minute. */
const turnWaitMs = 5 * minuteMs

export type Delivering = {
  /** Deliveries take turns: two at once would each see the other's half-done work on the server that they share. */
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>
  /** Deliveries that are ready at the same time go together. */
  readonly convoy: Convoy
}

export type DeliveringOptions = {
  readonly deployerFor: (target: DeployTarget) => Promise<Deployer>
  /** How long an endpoint may take to show a new certificate; one minute when absent. */
  readonly servedWithinMs?: number
  readonly onEvent: OnEvent
}

/** Nothing is under way yet. */
export function createDelivering(
  state: string,
  { deployerFor, servedWithinMs, onEvent }: DeliveringOptions,
  runtime: Pick<Runtime, 'files' | 'clock' | 'probeTls' | 'resolver' | 'tryLock'>,
): Delivering {
  let last: Promise<unknown> = Promise.resolve()
  const inTurn: Delivering['inTurn'] = work => {
    const turn = last.then(work, work)
    last = turn.catch(() => {})
    return turn
  }
  const limit = servedWithinMs === undefined ? {} : { servedWithinMs }
  const convoy = createConvoy({
    clock: runtime.clock,
    go: (deliveries, { signal }) =>
      inTurn(async () => {
        const options = { deployerFor, onEvent, signal, ...limit }
        if (deliveries.every(({ spec }) => spec.deploy.length === 0))
          return deployTogether(state, deliveries, options, runtime)
        const about = describe(deliveries)
        await using _turn = await takeTurn(state, { about, signal }, runtime)
        return await deployTogether(state, deliveries, options, runtime) // and only then is it another's turn
      }),
  })
  return { inTurn, convoy }
}

/**
 * Holds the deliveries of all processes up, until it is disposed of.
 * @throws AppError ERR_LOCKED, ERR_STORE
 */
export async function takeTurn(
  state: string,
  { about, signal }: Pick<LockOptions, 'about' | 'signal'>,
  runtime: Pick<Runtime, 'tryLock' | 'clock'>,
): Promise<Lock> {
  return await takeLock(state, 'deliveries', { about, waitMs: turnWaitMs, signal }, runtime)
}

function describe([first, ...others]: readonly Delivery[]): string {
  const more = others.length === 1 ? others[0]?.spec.name : `${others.length} more`
  return `deliver ${first?.spec.name}${others.length === 0 ? '' : ` and ${more}`}`
}
