/** Anti-replay nonces (RFC 8555 §6.5): kept from every reply, asked for only when there is none. */
import { minuteMs } from '../base/instant.ts'
import type { Clock } from '../runtime/clock.ts'

/** CAs forget nonces after some minutes, or after a restart. */
const nonceLifetimeMs = 5 * minuteMs
/** More are never needed: it is the number of requests that may be under way at once. */
const maxNonces = 32
/** Requests for a nonce under way at once; others wait for these, or for a reply that brings one. */
const maxAsking = 4

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

/** An empty pool. */
export function createNoncePool({ monotonic }: Pick<Clock, 'monotonic'>): NoncePool {
  let kept: readonly { readonly nonce: string; readonly until: number }[] = []
  let asking = 0
  // Each takes a nonce, or `undefined` for "look again".
  const waiting: ((nonce: string | undefined) => void)[] = []

  const takeKept = (): string | undefined => {
    const fresh = kept.filter(({ until }) => until > monotonic())
    kept = fresh.slice(0, -1)
    return fresh.at(-1)?.nonce
  }
  const wait = async (signal: AbortSignal): Promise<string | undefined> => {
    signal.throwIfAborted()
    const { promise, resolve, reject } = Promise.withResolvers<string | undefined>()
    const onAbort = () => {
      const place = waiting.indexOf(resolve)
      if (place >= 0) waiting.splice(place, 1)
      reject(signal.reason as Error) // the contract of signals: whatever the caller gave
    }
    waiting.push(resolve)
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      return await promise
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  return {
    add: nonce => {
      if (nonce === undefined) return
      const next = waiting.shift()
      if (next !== undefined) next(nonce)
      else kept = [...kept, { nonce, until: monotonic() + nonceLifetimeMs }].slice(-maxNonces)
    },
    take: async (ask, { signal }) => {
      // Ends when a nonce arrives, when asking fails, or when the signal is aborted.
      for (;;) {
        const nonce = takeKept()
        if (nonce !== undefined) return nonce
        if (asking < maxAsking) {
          asking += 1
          try {
            return await ask()
          } finally {
            asking -= 1
            waiting.shift()?.(undefined)
          }
        }
        const handed = await wait(signal)
        if (handed !== undefined) return handed
      }
    },
  }
}
