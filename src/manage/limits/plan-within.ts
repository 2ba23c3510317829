/** Which of many orders fit now, and when the others will. */
import type { Instant } from '../../base/instant.ts'
import { take } from './bucket.ts'
import { applyChanges, forecastOrder, type Ledger, recordOrder, type Wait } from './ledger.ts'
import { type Limits, limitKinds } from './limit.ts'
import type { OrderFacts } from './order-facts.ts'

/**
 * Lets orders in one after the other, most urgent first. One that must wait stands in line at the limit that it waits
 * for: what comes after it there waits longer, and what does not need that limit passes it.
 * @returns for each order, in the same sequence, `undefined` where it fits now, or its wait
 */
export function planWithin(
  ledger: Ledger,
  orders: readonly OrderFacts[],
  limits: Limits,
  now: Instant,
): readonly (Wait | undefined)[] {
  const own = new Map(ledger)
  return orders.map(order => {
    const wait = forecastOrder(own, order, limits, { now })
    if (wait === undefined) applyChanges(own, recordOrder(own, order, limits, { now }))
    else reserve(own, wait, limits, now)
    return wait
  })
}

/** Takes the token that an order waits for, so that the next one in line waits for the one after it. */
export function reserve(
  own: Map<string, Instant>,
  { limit, bucket }: Wait,
  limits: Limits,
  now: Instant,
): void {
  const size = limit === 'refusal' ? undefined : limits[limit]
  // A failure takes its own token when it happens.
  if (limit === 'refusal' || size === undefined || limitKinds[limit].counts === 'failure') return
  own.set(bucket, take(own.get(bucket), size, now))
}
