/**
 * The ledger of one CA: how full each bucket is, as far as can be told from what was sent and what was refused.
 *
 * Pure. Whatever is recorded comes back as changes, so that a small file and the map of a simulation can both take them.
 * As long as nobody else orders from the same account or for the same domains, no bucket here is fuller than the CA's.
 */
import { formatInstant, type Instant, minuteMs, plusMs } from '../../base/instant.ts'
import { availableAt, emptyUntil, giveBack, postpone, take } from './bucket.ts'
import {
  type LimitKind,
  type LimitName,
  type LimitSize,
  type Limits,
  limitKinds,
  limitNames,
} from './limit.ts'
import type { OrderFacts } from './order-facts.ts'
import { longestWaitMs, readRefusal } from './refusal.ts'

/** For each bucket that is not full: when it will be. */
export type Ledger = ReadonlyMap<string, Instant>

/**
 * A ledger without what can only have been written by a clock that was far ahead: it would hold up orders until that time
 * has come.
 */
export function believable(ledger: Ledger, limits: Limits, now: Instant): Ledger {
  return new Map(
    [...ledger].filter(([bucket, fullAt]) => {
      const limit = limitNames.find(name => bucket === name || bucket.startsWith(`${name}:`))
      const { capacity, refillMs } = (limit === undefined ? undefined : limits[limit]) ?? refusalSize
      return fullAt <= now + longestWaitMs + capacity * refillMs
    }),
  )
}

/** New states of buckets; `undefined` for one that is full. */
export type LedgerChanges = readonly (readonly [bucket: string, fullAt: Instant | undefined])[]

/** Why an order must wait, and until when. */
export type Wait = {
  readonly until: Instant
  /** What it waits for; `refusal` where the CA said no for a reason that is no known limit. */
  readonly limit: LimitName | 'refusal'
  readonly bucket: string
  readonly text: string
}

/** Added to a wait: the CA counts a request later than we do by the time that it travels, repetitions included. */
export const latencyMs = minuteMs

/** Whether an order fits now: `undefined`, or the longest wait that a limit asks for. */
export function forecastOrder(
  ledger: Ledger,
  order: OrderFacts,
  limits: Limits,
  { now, reserved = [] }: { readonly now: Instant; readonly reserved?: readonly string[] },
): Wait | undefined {
  let longest: (Omit<Wait, 'text'> & { readonly size: LimitSize }) | undefined
  const ask = (limit: Wait['limit'], bucket: string, size: LimitSize) => {
    const fullAt = ledger.get(bucket)
    if (fullAt === undefined || reserved.includes(bucket)) return
    const at = availableAt(fullAt, size, now)
    if (at <= now) return
    const until = plusMs(at, limit === 'refusal' ? 0 : latencyMs)
    if (longest === undefined || longest.until < until) longest = { until, limit, bucket, size }
  }
  for (const limit of limitNames) {
    const size = limits[limit]
    const kind = limitKinds[limit]
    if (size === undefined || kind.counts === 'account' || isExempt(order, kind)) continue
    for (const subject of subjects(kind, order)) ask(limit, bucketOf(limit, subject), size)
  }
  ask('refusal', refusalBucket(order), refusalSize)
  if (longest === undefined) return undefined
  const { size, ...wait } = longest
  return { ...wait, text: waitText(wait, size) }
}

/** An order is about to be sent: it takes its tokens, those for the certificate too. */
export function recordOrder(
  ledger: Ledger,
  order: OrderFacts,
  limits: Limits,
  { now, reserved = [] }: { readonly now: Instant; readonly reserved?: readonly string[] },
): LedgerChanges {
  return counted(['order', 'certificate'], order, limits)
    .filter(({ bucket }) => !reserved.includes(bucket))
    .map(({ bucket, size }) => [bucket, take(ledger.get(bucket), size, now)])
}

/** Whether an order fits now, and if so the tokens that it takes: both in one step, so that no other comes between. */
export function claimOrder(
  ledger: Ledger,
  order: OrderFacts,
  limits: Limits,
  now: Instant,
): { readonly result: Wait | undefined; readonly changes: LedgerChanges } {
  const wait = forecastOrder(ledger, order, limits, { now })
  return { result: wait, changes: wait === undefined ? recordOrder(ledger, order, limits, { now }) : [] }
}

/** When an order was recorded, and when it came to its end. */
export type OrderTimes = { readonly orderedAt: Instant; readonly now: Instant }

/** The CA has issued, which is when it counts the certificate. */
export function recordIssued(
  ledger: Ledger,
  order: OrderFacts,
  limits: Limits,
  { orderedAt, now }: OrderTimes,
): LedgerChanges {
  const postponed = counted(['certificate'], order, limits).map(({ bucket, size }) => {
    return [bucket, postpone(ledger.get(bucket), size, { takenAt: orderedAt, now })] as const
  })
  const reset = limitNames
    .filter(limit => limitKinds[limit].resetBySuccess === true)
    .flatMap(limit => subjects(limitKinds[limit], order).map(subject => bucketOf(limit, subject)))
  const known = [...reset, refusalBucket(order)].filter(bucket => ledger.has(bucket))
  return [...postponed, ...known.map(bucket => [bucket, undefined] as const)]
}

/**
 * An order ended without a certificate.
 * @param failed - the identifiers that the CA could not validate
 */
export function recordFailed(
  ledger: Ledger,
  order: OrderFacts,
  limits: Limits,
  { failed, ...times }: OrderTimes & { readonly failed: readonly string[] },
): LedgerChanges {
  // Whatever exempts an order, its failures are counted.
  const failures = counted(['failure'], { ...order, identifiers: failed, exemptions: [] }, limits)
  return [
    ...returned(['certificate'], ledger, order, { limits, times }),
    ...failures.map(({ bucket, size }) => [bucket, take(ledger.get(bucket), size, times.now)] as const),
  ]
}

/** What the CA said when it refused an order. */
export type RefusalFacts = OrderTimes & {
  /** Of the problem document. */
  readonly detail: string
  /** From Retry-After. */
  readonly retryAt: Instant | undefined
}

/** The CA has refused an order for now: what was taken for it comes back, and the limit that it named is used up. */
export function recordRefusal(
  ledger: Ledger,
  order: OrderFacts,
  limits: Limits,
  { detail, retryAt, ...times }: RefusalFacts,
): LedgerChanges {
  const { limit, subject, until } = readRefusal(detail, { retryAt, now: times.now })
  const back = returned(['order', 'certificate'], ledger, order, { limits, times })
  const size = limit === undefined ? undefined : limits[limit]
  if (limit === undefined || size === undefined)
    return [...back, [refusalBucket(order), emptyUntil(undefined, refusalSize, until)]]
  const after = new Map([...ledger, ...back])
  const named = subjects(limitKinds[limit], order)
  const buckets = (subject !== undefined && named.includes(subject) ? [subject] : named).map(name =>
    bucketOf(limit, name),
  )
  return [...back, ...buckets.map(name => [name, emptyUntil(after.get(name), size, until)] as const)]
}

/** When an account may be registered: from `now` on. */
export function forecastAccount(ledger: Ledger, limits: Limits, now: Instant): Instant {
  const size = limits['new-accounts']
  return size === undefined ? now : availableAt(ledger.get('new-accounts'), size, now)
}

/** An account is about to be registered. */
export function recordAccount(ledger: Ledger, limits: Limits, now: Instant): LedgerChanges {
  const size = limits['new-accounts']
  return size === undefined ? [] : [['new-accounts', take(ledger.get('new-accounts'), size, now)]]
}

/** The CA has refused to register an account for now. */
export function recordAccountRefusal(
  ledger: Ledger,
  limits: Limits,
  { detail, retryAt, now }: Omit<RefusalFacts, 'orderedAt'>,
): LedgerChanges {
  const size = limits['new-accounts']
  if (size === undefined) return []
  const { until } = readRefusal(detail, { retryAt, now })
  return [['new-accounts', emptyUntil(ledger.get('new-accounts'), size, until)]]
}

/** Puts changes into a ledger that is the caller's own. */
export function applyChanges(own: Map<string, Instant>, changes: LedgerChanges): void {
  for (const [bucket, fullAt] of changes) {
    if (fullAt === undefined) own.delete(bucket)
    else own.set(bucket, fullAt)
  }
}

/** One at a time, and none before the instant that the CA set. */
const refusalSize: LimitSize = { capacity: 1, refillMs: 0 }

function refusalBucket({ set }: OrderFacts): string {
  return `refusal:${set}`
}

function bucketOf(limit: LimitName, subject: string): string {
  return subject === '' ? limit : `${limit}:${subject}`
}

function subjects({ per }: LimitKind, { account, set, domains, identifiers }: OrderFacts): readonly string[] {
  switch (per) {
    case 'host':
      return [''] // there is one
    case 'account':
      return [account]
    case 'registered-domain':
      return domains
    case 'exact-set':
      return [set]
    case 'identifier':
      return identifiers
    default:
      return per satisfies never
  }
}

function isExempt({ exemptions }: OrderFacts, { exempt }: LimitKind): boolean {
  return exempt.some(exemption => exemptions.includes(exemption))
}

type Counted = { readonly bucket: string; readonly size: LimitSize }

/** The buckets that lose a token to an order, or to what becomes of it. */
function counted(
  events: readonly LimitKind['counts'][],
  order: OrderFacts,
  limits: Limits,
): readonly Counted[] {
  const buckets: Counted[] = []
  for (const limit of limitNames) {
    const size = limits[limit]
    const kind = limitKinds[limit]
    if (size === undefined || !events.includes(kind.counts)) continue
    if (isExempt(order, kind) && kind.countsExempt !== true) continue
    for (const subject of subjects(kind, order)) buckets.push({ bucket: bucketOf(limit, subject), size })
  }
  return buckets
}

function returned(
  events: readonly LimitKind['counts'][],
  ledger: Ledger,
  order: OrderFacts,
  { limits, times }: { readonly limits: Limits; readonly times: OrderTimes },
): LedgerChanges {
  return counted(events, order, limits)
    .filter(({ bucket }) => ledger.has(bucket))
    .map(({ bucket, size }) => {
      return [bucket, giveBack(ledger.get(bucket), size, { takenAt: times.orderedAt, now: times.now })]
    })
}

function waitText({ limit, bucket, until }: Omit<Wait, 'text'>, { capacity }: LimitSize): string {
  const when = formatInstant(until)
  if (limit === 'refusal') return `the CA asked to come back at ${when}`
  const { per, noun } = limitKinds[limit]
  // A digest says nothing to a person, and everybody has one account.
  const whose =
    per === 'registered-domain' || per === 'identifier' ? `${bucket.slice(limit.length + 1)}: ` : ''
  return `${whose}the CA allows ${capacity} ${noun}; the next one fits at ${when}`
}
