/** Measuring from outside: by standing between the manager and what it uses. */

import { parseIpAddress } from '../../acme/identifier.ts'
import { isAppError } from '../../base/errors.ts'
import { hourMs, secondMs } from '../../base/instant.ts'
import { sha256Hex } from '../../base/sha256.ts'
import type { ManagerEvent } from '../../manage/events.ts'
import { hasNoRoute } from '../../manage/observe/addresses.ts'
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
  /** The fingerprint of the leaf that was seen last, at every address of a name; `undefined` where nothing was to be seen or nobody looked. */
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
  const seen = new Map<string, Map<string, Seen>>()
  let issuance = emptyHistogram(issuanceBounds)

  const noteRequest = (authority: string, outcome: RequestOutcome, beganMs: number): void => {
    const key = `${authority} ${outcome}`
    const before = requests.get(key) ?? { authority, outcome, seconds: emptyHistogram(requestBounds) }
    const seconds = observe(before.seconds, (clock.monotonic() - beganMs) / secondMs)
    requests.set(key, { ...before, seconds })
  }
  const noteSeen = (target: ProbeTarget, fingerprint: string | undefined): void => {
    const key = keyOf(target)
    const byAddress = seen.get(key) ?? new Map<string, Seen>()
    seen.set(key, byAddress.set(target.host, { fingerprint, atMs: clock.monotonic() }))
  }
  const served = (target: ProbeTarget): Pick<Seen, 'fingerprint'> | undefined => {
    const byAddress = seen.get(keyOf(target))
    const exact = byAddress?.get(target.host)
    if (exact !== undefined) return { fingerprint: exact.fingerprint }
    const since = clock.monotonic() - addressKnownMs
    const [first, ...others] = [...(byAddress?.values() ?? [])].filter(({ atMs }) => atMs >= since)
    if (first === undefined || parseIpAddress(target.host) !== undefined) return undefined
    const isOne = others.every(({ fingerprint }) => fingerprint === first.fingerprint)
    return { fingerprint: isOne ? first.fingerprint : undefined }
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
        const shown = await probe(target, options)
        noteSeen(target, sha256Hex(shown.leaf))
        return shown
      } catch (error) {
        if (!isAppError(error) || !hasNoRoute(error)) noteSeen(target, undefined)
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
      served,
    }),
  }
}

/** HTTP's first status that is an error. */
const firstRefusal = 400

/** What was seen at one address. */
type Seen = { readonly fingerprint: string | undefined; readonly atMs: number }

/** An address of a name that was not looked at for so long is one no more; looks are an hour apart at most. */
const addressKnownMs = 2 * hourMs

/** Equal for all addresses of a name. */
function keyOf({ host, port, serverName = host, keyKind }: ProbeTarget): string {
  return JSON.stringify([serverName, port, keyKind])
}
