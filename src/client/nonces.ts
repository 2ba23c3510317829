/** Anti-replay nonces (RFC 8555 §6.5): kept from every reply, asked for only when there is none. */
import { minuteMs } from '../base/instant.ts'
import type { Clock } from '../runtime/clock.ts'

/** CAs forget nonces after some minutes, or after a restart. */
const nonceLifetimeMs = 5 * minuteMs
/** More are never needed: it is the number of requests that may be under way at once. */
const maxNonces = 32
/** Requests for a nonce under way at once; others wait for these, or for a reply that brings one. */
const maxAsking = 4
/** While this many are in use, a reply will soon bring one; a request for a further nonce is one request more. */
const enoughInUse = 2
/** "Soon": longer than a CA nearby takes for an answer. At one far away requests side by side are worth their nonces. */
const patienceMs = 50

/** The grammar of §6.5.1; the length is a bound of our own, far above what CAs send. */
const noncePattern = /^[A-Za-z0-9_-]{1,1000}$/

/** The nonce in a Replay-Nonce field; one that breaks the grammar must be ignored. */
export function parseNonce(field: string | undefined): string | undefined {
  return field !== undefined && noncePattern.test(field) ? field : undefined
}

/** The nonces of one CA, each given out once. */
export type NoncePool = {
  /** Keeps a nonce, or hands it to whoever waits for one. */
  readonly add: (nonce: string | undefined) => void
  /**
   * Gives out the youngest nonce, or one from `ask` (a request to newNonce) when there is none.
   * @throws what `ask` throws; the signal's reason
   */
  readonly take: (ask: () => Promise<string>, options: { readonly signal: AbortSignal }) => Promise<string>
}

/** A place in the line, oldest first. It is served with a nonce, or with `undefined` for "look again". */
type Waiting = { readonly since: number; readonly serve: (nonce: string | undefined) => void }

/** An empty pool. */
export function createNoncePool({ monotonic, sleep }: Pick<Clock, 'monotonic' | 'sleep'>): NoncePool {
  let kept: readonly { readonly nonce: string; readonly until: number }[] = []
  let asking = 0
  /** Given out, and no reply has brought another for them yet; too many after requests that failed. */
  let inUse = 0
  const waiting: Waiting[] = []
  let watching = false

  const takeKept = (): string | undefined => {
    const fresh = kept.filter(({ until }) => until > monotonic())
    kept = fresh.slice(0, -1)
    if (fresh.length > 0) inUse += 1
    return fresh.at(-1)?.nonce
  }
  // One timer for all who wait: most are served long before it ends.
  const watch = async (): Promise<void> => {
    if (watching) return
    watching = true
    for (let [first] = waiting; first !== undefined; [first] = waiting) {
      await sleep(Math.max(first.since + patienceMs - monotonic(), 0))
      const late = waiting.filter(({ since }) => since + patienceMs <= monotonic())
      if (late.length > 0) inUse = 0 // lost, or the CA is slow: neither is worth waiting for
      for (const { serve } of waiting.splice(0, late.length)) serve(undefined)
    }
    watching = false
  }
  const wait = async (signal: AbortSignal): Promise<string | undefined> => {
    signal.throwIfAborted()
    const { promise, resolve, reject } = Promise.withResolvers<string | undefined>()
    const place: Waiting = { since: monotonic(), serve: resolve }
    const onAbort = () => {
      const index = waiting.indexOf(place)
      if (index >= 0) waiting.splice(index, 1)
      reject(signal.reason as Error) // the contract of signals: whatever the caller gave
    }
    waiting.push(place)
    signal.addEventListener('abort', onAbort, { once: true })
    void watch()
    try {
      return await promise
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }
  const askForOne = async (ask: () => Promise<string>): Promise<string> => {
    asking += 1
    try {
      const nonce = await ask()
      inUse += 1
      return nonce
    } catch (error) {
      waiting.shift()?.serve(undefined) // the next in line may be luckier
      throw error
    } finally {
      asking -= 1
    }
  }
  return {
    add: nonce => {
      if (nonce === undefined) return
      const next = waiting.shift()
      if (next !== undefined) return next.serve(nonce)
      inUse = Math.max(inUse - 1, 0)
      kept = [...kept, { nonce, until: monotonic() + nonceLifetimeMs }].slice(-maxNonces)
    },
    take: async (ask, { signal }) => {
      // Ends when a nonce arrives, when asking fails, or when the signal is aborted.
      for (let impatient = false; ; impatient = true) {
        const nonce = takeKept()
        if (nonce !== undefined) return nonce
        const enough = inUse + asking >= enoughInUse
        if (!enough || (impatient && asking < maxAsking)) return await askForOne(ask)
        const handed = await wait(signal)
        if (handed !== undefined) return handed
      }
    },
  }
}
