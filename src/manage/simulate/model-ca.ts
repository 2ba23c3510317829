/**
 * A CA with limits, for the simulator and for tests of the ledger. It counts tokens, where the ledger keeps instants, so
 * that a mistake in one of them becomes a refusal. What it counts when is what Let's Encrypt's published code does:
 * orders when they come; certificates when they are issued; failures when they happen.
 */
import { dayMs, formatInstant, type Instant, instant, plusMs } from '../../base/instant.ts'
import type { LimitName, LimitSize, Limits } from '../limits/limit.ts'
import type { Fleet } from './fleet.ts'

/** A certificate that was issued, and when the CA advises to renew it. */
export type Issued = {
  readonly notBefore: Instant
  readonly notAfter: Instant
  readonly window: { readonly start: Instant; readonly end: Instant }
}

export type ModelRefusal = { readonly detail: string; readonly retryAt: Instant }

export interface ModelCa {
  /** Takes an order, or refuses it. `replaces` says whether it names the certificate that it renews. */
  newOrder(certificate: number, now: Instant, replaces: boolean): ModelRefusal | undefined
  /** Issues what was ordered. */
  issue(certificate: number, now: Instant): Issued
  /** Could not validate. */
  fail(certificate: number, now: Instant): void
  /** Has known the certificate since before the beginning. */
  adopt(certificate: number, issuedAt: Instant): Issued
}

/** How far back a certificate for the same set is looked for. */
const sameSetMs = 120 * dayMs
/** The advised window: its middle as a share of the lifetime, for short lives another, and its width. */
const windowShares = {
  middle: 2 / 3,
  shortMiddle: 1 / 2,
  shortBelowMs: 10 * dayMs,
  width: 0.02,
} as const

/** Creates a CA for a fleet; all its buckets are full. */
export function createModelCa(fleet: Fleet, limits: Limits, lifetimeMs: number): ModelCa {
  const orders = tokens(limits['new-orders'], 1)
  const domains = tokens(limits['certificates-per-domain'], fleet.domainCount)
  const sets = tokens(limits['certificates-per-set'], fleet.size)
  const failures = tokens(limits['failed-validations'], fleet.size)
  const rows = tokens(limits['failures-in-a-row'], fleet.size)
  const issuedAt = new Float64Array(fleet.size).fill(Number.NEGATIVE_INFINITY)
  const countsDomains = new Uint8Array(fleet.size) // of the order that is under way

  const windowOf = (begin: number) => {
    const middle = lifetimeMs < windowShares.shortBelowMs ? windowShares.shortMiddle : windowShares.middle
    const at = begin + lifetimeMs * middle
    const half = (lifetimeMs * windowShares.width) / 2
    return { start: instant(at - half), end: instant(at + half) }
  }
  const isAdvised = (certificate: number, now: Instant): boolean => {
    const begin = issuedAt[certificate] ?? Number.NEGATIVE_INFINITY
    if (!Number.isFinite(begin)) return false
    const { start, end } = windowOf(begin)
    return start <= now && now < end
  }
  const record = (certificate: number, at: Instant): Issued => {
    issuedAt[certificate] = at
    return { notBefore: at, notAfter: plusMs(at, lifetimeMs), window: windowOf(at) }
  }

  return {
    newOrder: (certificate, now, replaces) => {
      if (rows.missing(certificate, now) > 0)
        return refuse('failures-in-a-row', now, rows.missing(certificate, now))
      countsDomains[certificate] = 0
      if (replaces && isAdvised(certificate, now)) return undefined
      const again = now - (issuedAt[certificate] ?? 0) < sameSetMs
      const asked: (readonly [LimitName, number])[] = [
        ['failed-validations', failures.missing(certificate, now)],
        ['certificates-per-set', sets.missing(certificate, now)],
      ]
      if (!again) {
        asked.push(['new-orders', orders.missing(0, now)])
        for (const domain of fleet.domainsOf(certificate))
          asked.push(['certificates-per-domain', domains.missing(domain, now)])
      }
      const [limit, waitMs] = asked.reduce((worst, next) => (next[1] > worst[1] ? next : worst))
      if (waitMs > 0) return refuse(limit, now, waitMs)
      if (!again) orders.spend(0, now)
      countsDomains[certificate] = again ? 0 : 1
      return undefined
    },
    issue: (certificate, now) => {
      sets.spend(certificate, now)
      rows.fill(certificate)
      if (countsDomains[certificate] === 1)
        for (const domain of fleet.domainsOf(certificate)) domains.spend(domain, now)
      return record(certificate, now)
    },
    fail: (certificate, now) => {
      failures.spend(certificate, now)
      rows.spend(certificate, now)
    },
    adopt: record,
  }
}

/** How each refusal is worded. */
const wordings: Readonly<Partial<Record<LimitName, string>>> = {
  'new-orders': 'too many new orders (0) from this account in the last 0s',
  'certificates-per-domain': 'too many certificates (0) already issued for "" in the last 0s',
  'certificates-per-set':
    'too many certificates (0) already issued for this exact set of identifiers in the last 0s',
  'failed-validations': 'too many failed authorizations (0) for "" in the last 0s',
}

function refuse(limit: LimitName, now: Instant, waitMs: number): ModelRefusal {
  const retryAt = plusMs(now, waitMs)
  const time = formatInstant(plusMs(retryAt, 999)).replace('T', ' ').replace('Z', ' UTC')
  return { detail: `${wordings[limit] ?? 'paused'}, retry after ${time}`, retryAt }
}

/** Less than this is missing only by rounding: a millionth of a token. */
const rounding = 1e-6

function tokens(size: LimitSize | undefined, count: number) {
  if (size === undefined) return { missing: () => 0, spend: () => {}, fill: () => {} }
  const { capacity, refillMs } = size
  const left = new Float64Array(count).fill(capacity)
  const seenAt = new Float64Array(count)
  const level = (index: number, now: Instant): number =>
    Math.min(capacity, (left[index] ?? 0) + (now - (seenAt[index] ?? 0)) / refillMs)
  return {
    /** Milliseconds until there is a token. */
    missing: (index: number, now: Instant): number => {
      const has = level(index, now)
      return has >= 1 - rounding ? 0 : (1 - has) * refillMs
    },
    /** Takes a token if there is one. */
    spend: (index: number, now: Instant): void => {
      const has = level(index, now)
      if (has < 1 - rounding) return
      left[index] = Math.max(0, has - 1)
      seenAt[index] = now
    },
    fill: (index: number): void => {
      left[index] = capacity
    },
  }
}
