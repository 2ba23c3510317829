/** Measuring from outside: by standing between the manager and what it uses. */

import { secondMs } from '../../base/instant.ts'
import { sha256Hex } from '../../base/sha256.ts'
import type { ManagerEvent } from '../../manage/events.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { HttpExchange } from '../../runtime/http.ts'
import type { ProbeTarget, ProbeTls } from '../../runtime/network.ts'
import { emptyHistogram, type Histogram, observe } from './histogram.ts'

/** In seconds. A CA answers in a fraction of one, or has trouble. */
const requestBounds = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
/** In seconds. Most of it is waiting for the CA, and for DNS. */
const issuanceBounds = [1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800]

/** How a request to a CA ended. */
export type RequestOutcome = 'ok' | 'refused' | 'lost'

export type Measurements = {
  readonly requests: readonly {
    readonly authority: string
    readonly outcome: RequestOutcome
    readonly seconds: Histogram
  }[]
  /** From the order, the last one where there were several, to the certificate. */
  readonly issuance: Histogram
  /** The fingerprint of the leaf that was seen last; `undefined` where nothing was to be seen or nobody looked. */
  readonly served: (endpoint: ProbeTarget) => { readonly fingerprint: string | undefined } | undefined
}

export interface Meter {
  /** The same exchanges, measured as requests to that CA. */
  http(authority: string, http: HttpExchange): HttpExchange
  /** The same looks, remembered. */
  probeTls(probe: ProbeTls): ProbeTls
  /** Takes what the manager reports. */
  onEvent(event: ManagerEvent): void
  measured(): Measurements
}

/** A meter that has measured nothing. */
export function createMeter({ clock }: { readonly clock: Pick<Clock, 'monotonic'> }): Meter {
  const requests = new Map<string, Measurements['requests'][number]>()
  const begun = new Map<string, number>()
  const seen = new Map<string, { readonly fingerprint: string | undefined }>()
  let issuance = emptyHistogram(issuanceBounds)

  const noteRequest = (authority: string, outcome: RequestOutcome, beganMs: number): void => {
    const key = `${authority} ${outcome}`
    const before = requests.get(key) ?? { authority, outcome, seconds: emptyHistogram(requestBounds) }
    const seconds = observe(before.seconds, (clock.monotonic() - beganMs) / secondMs)
    requests.set(key, { ...before, seconds })
  }
  return {
    http: (authority, http) => async (url, request) => {
      const beganMs = clock.monotonic()
      try {
        const reply = await http(url, request)
        noteRequest(authority, reply.status < firstRefusal ? 'ok' : 'refused', beganMs)
        return reply
      } catch (error) {
        noteRequest(authority, 'lost', beganMs)
        throw error
      }
    },
    probeTls: probe => async (target, options) => {
      try {
        const served = await probe(target, options)
        seen.set(keyOf(target), { fingerprint: sha256Hex(served.leaf) })
        return served
      } catch (error) {
        seen.set(keyOf(target), { fingerprint: undefined })
        throw error
      }
    },
    onEvent: ({ certificate, step }) => {
      if (certificate === undefined) return
      if (step === 'order') begun.set(certificate, clock.monotonic())
      const beganMs = begun.get(certificate)
      if (step !== 'storing' || beganMs === undefined) return
      begun.delete(certificate)
      issuance = observe(issuance, (clock.monotonic() - beganMs) / secondMs)
    },
    measured: () => ({
      requests: [...requests.values()],
      issuance,
      served: target => seen.get(keyOf(target)),
    }),
  }
}

/** HTTP's first status that is an error. */
const firstRefusal = 400

function keyOf({ host, port, serverName, keyKind }: ProbeTarget): string {
  return JSON.stringify([host, port, serverName, keyKind])
}
