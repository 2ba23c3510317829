/**
 * Deliveries that are ready at the same time go together, so that a server that several certificates feed is told once. One that
 * fails does not hold up the others.
 */
import { isAppError } from '../base/errors.ts'
import { secondMs } from '../base/instant.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Delivery, TargetResult } from './execute/deploy.ts'

/** The longest that a certificate waits for others that are being obtained. */
const longestWaitMs = 15 * secondMs

/** For each delivery the results at its targets. */
type Delivered = readonly (readonly TargetResult[])[]

type Passenger = {
  readonly deliveries: readonly Delivery[]
  readonly signal: AbortSignal
  readonly resolve: (delivered: Delivered) => void
  readonly reject: (error: unknown) => void
}

export interface Convoy {
  /** Says that there may soon be something to deliver; to be disposed of when there is or will not be. */
  expect(): Disposable
  /**
   * Delivers these together, and along with whatever else is ready.
   * @throws what delivering these alone throws
   */
  deliver(deliveries: readonly Delivery[], options: { readonly signal: AbortSignal }): Promise<Delivered>
}

export type ConvoyOptions = {
  /** Delivers; all or nothing. */
  readonly go: (
    deliveries: readonly Delivery[],
    options: { readonly signal: AbortSignal },
  ) => Promise<Delivered>
  readonly clock: Pick<Clock, 'sleep'>
}

/** A convoy with nobody in it. */
export function createConvoy({ go, clock }: ConvoyOptions): Convoy {
  let expected = 0
  let waiting: Passenger[] = []
  let isGathering = false
  let onNobodyExpected = () => {}

  const nobodyExpected = async (): Promise<void> => {
    if (expected === 0) return
    const { promise, resolve } = Promise.withResolvers<void>()
    onNobodyExpected = resolve
    const stop = new AbortController()
    const tired = clock.sleep(longestWaitMs, stop.signal).catch(() => {})
    await Promise.race([promise, tired])
    stop.abort()
  }
  const gather = async (): Promise<void> => {
    isGathering = true
    await nobodyExpected()
    isGathering = false
    const passengers = waiting
    waiting = []
    await carry(passengers, go)
  }
  return {
    expect: () => {
      expected += 1
      return {
        [Symbol.dispose]: () => {
          expected -= 1
          if (expected === 0) onNobodyExpected()
        },
      }
    },
    deliver: (deliveries, { signal }) => {
      const { promise, resolve, reject } = Promise.withResolvers<Delivered>()
      waiting.push({ deliveries, signal, resolve, reject })
      if (!isGathering) void gather()
      return promise
    },
  }
}

/** Delivers for all. Who had a failure of his own is told of it, and the others, whose servers went back with his, go again. */
async function carry(passengers: readonly Passenger[], go: ConvoyOptions['go']): Promise<void> {
  for (let rest = passengers; rest.length > 0; ) {
    let delivered: Delivered
    try {
      const signal = AbortSignal.any(rest.map(one => one.signal))
      delivered = await go(
        rest.flatMap(({ deliveries }) => deliveries),
        { signal },
      )
    } catch (error) {
      const [only, ...more] = rest
      if (more.length === 0 || !isAppError(error)) for (const one of rest) one.reject(error)
      else for (const one of [only, ...more]) if (one !== undefined) await carry([one], go)
      return
    }
    const results = splitBy(rest, delivered)
    const hasFailed = [...results.values()].map(one => one.flat().some(isOwnFailure))
    const isOver = rest.length === 1 || !hasFailed.includes(true)
    for (const [index, one] of rest.entries())
      if (isOver || hasFailed[index] === true) one.resolve(results.get(one) ?? [])
    rest = isOver ? [] : rest.filter((_, index) => hasFailed[index] !== true)
  }
}

function isOwnFailure({ error, isOthersFault = false }: TargetResult): boolean {
  return error !== undefined && !isOthersFault
}

function splitBy(passengers: readonly Passenger[], delivered: Delivered): ReadonlyMap<Passenger, Delivered> {
  let from = 0
  const results = new Map<Passenger, Delivered>()
  for (const one of passengers) {
    results.set(one, delivered.slice(from, from + one.deliveries.length))
    from += one.deliveries.length
  }
  return results
}
