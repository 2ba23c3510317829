/** The CAs that contenders are measured against: a few Pebbles, and what one can see of the requests to them. */
import { type Pebble, startPebble } from '../test/support/pebble.ts'
import { until } from '../test/support/wait.ts'

/** Requests by what they are for, as Pebble's log names its resources. */
export type RequestCounts = {
  /** Looks at an order that was not done: how many depends on how fast the CA is. */
  readonly polls: number
  readonly nonces: number
  /** Questions when to renew: not part of an issuance, and only for who renews. */
  readonly renewalInfo: number
  readonly others: number
}

/** Several Pebbles that are treated alike. */
export type Fleet = AsyncDisposable & {
  readonly pebbles: readonly Pebble[]
  /** What the Pebbles have been asked since the last call. */
  readonly takeCounts: () => Promise<RequestCounts>
}

/**
 * Starts Pebbles that validate without delay, refuse no nonce, and send no Retry-After: with it, every contender that obeys
 * would wait whole seconds, and nothing else could be seen.
 */
export async function startFleet(size: number): Promise<Fleet> {
  await using started = new AsyncDisposableStack()
  const pebbles: Pebble[] = []
  for (let count = 0; count < size; count += 1) {
    pebbles.push(started.use(await startPebble({ retryAfter: { authz: 0, order: 0 } })))
  }
  const read = pebbles.map(() => 0)
  const all = started.move()
  return {
    pebbles,
    takeCounts: async () => {
      const counts = { polls: 0, nonces: 0, renewalInfo: 0, others: 0 }
      for (const [index, pebble] of pebbles.entries()) {
        const log = await settledLog(pebble)
        const lines = log.slice(read[index]).matchAll(/(?:GET|HEAD|POST) (\/\S*) -> calling handler/g)
        for (const [, path = ''] of lines) {
          if (path.startsWith('/my-order/')) counts.polls += 1
          else if (path.startsWith('/nonce-plz')) counts.nonces += 1
          else if (path.includes('/renewalInfo/')) counts.renewalInfo += 1
          else counts.others += 1
        }
        read[index] = log.length
      }
      return counts
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

/** The log comes through a pipe, a little later than the answers. */
async function settledLog(pebble: Pebble): Promise<string> {
  let length = -1
  return await until('the log of Pebble to end', () => {
    const log = pebble.log()
    if (log.length === length) return log
    length = log.length
    return undefined
  })
}
