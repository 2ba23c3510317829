/**
 * Years of renewals in seconds: a fleet of certificates on a clock of its own, ordered by our rules from a model CA that
 * has the limits and refuses what exceeds them. The rules are the ones that really decide: when a certificate is due, how
 * long a failure waits, what fits into the ledger.
 */
import { dayMs, hourMs, type Instant, instant, plusMs, secondMs } from '../../base/instant.ts'
import { createEventQueue } from '../limits/event-queue.ts'
import {
  applyChanges,
  forecastOrder,
  type LedgerChanges,
  recordFailed,
  recordIssued,
  recordOrder,
  recordRefusal,
} from '../limits/ledger.ts'
import type { Exemption, Limits } from '../limits/limit.ts'
import { type OrderFacts, sameSetLookBackMs } from '../limits/order-facts.ts'
import { reserve } from '../limits/plan-within.ts'
import { selectRenewalTime, takeAdvice } from '../plan/renewal-time.ts'
import { retryDelayMs } from '../plan/retry-time.ts'
import type { Fleet } from './fleet.ts'
import { createModelCa, type Issued } from './model-ca.ts'
import { fractionOf } from './seeded-fraction.ts'

export type SimulationOptions = {
  readonly fleet: Fleet
  readonly start: Instant
  readonly days: number
  readonly lifetimeMs: number
  /** What the CA allows. */
  readonly limits: Limits
  /** What we take to be its limits. */
  readonly believed: Limits
  /** Whether the CA advises on renewals (RFC 9773). */
  readonly renewalInfo: boolean
  /** Over how long the first orders are spread; `undefined` where all certificates exist already, of every age. */
  readonly newWithinMs: number | undefined
  /** Share of the orders that fail validation. */
  readonly failureShare: number
  /** When the CA cannot be reached. */
  readonly outages: readonly Outage[]
  readonly seed: number
}

/** A time in which the CA cannot be reached, counted from the start. */
export type Outage = { readonly afterMs: number; readonly lengthMs: number }

export type SimulationResult = {
  /** Orders that the CA was sent, those that it refused included. */
  readonly orders: number
  readonly issued: number
  readonly failedValidations: number
  /** Attempts that did not reach the CA. */
  readonly unreachable: number
  /** Orders that were held back because they would have exceeded a limit. */
  readonly heldBack: number
  /** Orders that the CA refused because of a limit. */
  readonly refusals: number
  /** Certificates that ran out before the next one was there, or at the end. */
  readonly expiries: number
  /** Certificates that were never issued. */
  readonly missing: number
  readonly ordersPerHour: Uint32Array
}

/** How long an order takes, at least and at most. */
const orderMs = { least: 5 * secondMs, most: 30 * secondMs } as const

/** Runs it; stops after each day, so that somebody can look on or stop it. */
export function* simulate(options: SimulationOptions): Generator<number, SimulationResult, void> {
  const { fleet, start, limits, believed, renewalInfo, seed } = options
  const end = plusMs(start, options.days * dayMs)
  const ca = createModelCa(fleet, limits, options.lifetimeMs)
  const ledger = new Map<string, Instant>()
  const queue = createEventQueue(fleet.size)
  const certificates = certificateTable(fleet.size)
  const reserved = new Map<number, readonly string[]>()
  const count = {
    orders: 0,
    issued: 0,
    failedValidations: 0,
    unreachable: 0,
    heldBack: 0,
    refusals: 0,
    expiries: 0,
  }
  const ordersPerHour = new Uint32Array(options.days * 24)
  let draws = 2 * fleet.size // the first ones belong to the certificates: the place of each, and its draw
  const draw = () => fractionOf(seed, draws++)
  const keep = (changes: LedgerChanges) => applyChanges(ledger, changes)

  const dueAt = (certificate: number, { notBefore, notAfter, window }: Issued): Instant => {
    const advice = renewalInfo ? takeAdvice(window, undefined, draw()) : undefined
    const record = { draw: fractionOf(seed, fleet.size + certificate), ...(advice && { advice }) }
    return selectRenewalTime({ notBefore, notAfter }, { record }).at
  }
  const isOut = (now: Instant) =>
    options.outages.some(
      ({ afterMs, lengthMs }) => now - start >= afterMs && now - start < afterMs + lengthMs,
    )
  const retry = (certificate: number, now: Instant, notBefore = now) => {
    const failures = certificates.countFailure(certificate)
    queue.push(instant(Math.max(now + retryDelayMs(failures, draw()), notBefore)), certificate)
  }
  const factsOf = (certificate: number, exemptions: readonly Exemption[]): OrderFacts => ({
    account: '',
    set: `${certificate}`,
    domains: exemptions.length > 0 ? [] : fleet.domainsOf(certificate).map(String), // asked for only when it is not exempt
    identifiers: [`${certificate}`],
    exemptions,
  })

  const order = (certificate: number, now: Instant) => {
    const facts = factsOf(certificate, certificates.exemptions(certificate, now, renewalInfo))
    const held = reserved.get(certificate) ?? []
    const wait = forecastOrder(ledger, facts, believed, { now, reserved: held })
    if (wait !== undefined) {
      count.heldBack += 1
      reserve(ledger, wait, believed, now)
      reserved.set(certificate, [...held, wait.bucket])
      queue.push(wait.until, certificate)
      return
    }
    reserved.delete(certificate)
    keep(recordOrder(ledger, facts, believed, { now, reserved: held }))
    count.orders += 1
    const hour = Math.floor((now - start) / hourMs)
    ordersPerHour[hour] = (ordersPerHour[hour] ?? 0) + 1
    const refusal = ca.newOrder(certificate, now, renewalInfo)
    if (refusal === undefined) {
      certificates.ordered(certificate, now, facts.exemptions)
      queue.push(plusMs(now, orderMs.least + draw() * (orderMs.most - orderMs.least)), certificate)
    } else {
      count.refusals += 1
      keep(recordRefusal(ledger, facts, believed, { ...refusal, orderedAt: now, now }))
      retry(certificate, now, refusal.retryAt)
    }
  }
  const conclude = (certificate: number, now: Instant) => {
    const { orderedAt, exemptions } = certificates.order(certificate)
    const facts = factsOf(certificate, exemptions)
    certificates.concluded(certificate)
    if (draw() < options.failureShare) {
      count.failedValidations += 1
      ca.fail(certificate, now)
      keep(recordFailed(ledger, facts, believed, { orderedAt, now, failed: facts.identifiers }))
      return retry(certificate, now)
    }
    count.issued += 1
    if (certificates.hasExpired(certificate, now)) count.expiries += 1
    const issued = ca.issue(certificate, now)
    certificates.issued(certificate, issued)
    keep(recordIssued(ledger, facts, believed, { orderedAt, now }))
    queue.push(dueAt(certificate, issued), certificate)
  }

  for (let certificate = 0; certificate < fleet.size; certificate++) {
    const place = fractionOf(seed, certificate)
    if (options.newWithinMs !== undefined) {
      queue.push(plusMs(start, Math.floor(place * options.newWithinMs)), certificate)
      continue
    }
    const ageMs = dueAt(certificate, ca.adopt(certificate, start)) - start // at which it will be renewed
    const issuedAt = plusMs(start, -Math.floor(place * ageMs))
    certificates.issued(certificate, ca.adopt(certificate, issuedAt))
    queue.push(plusMs(issuedAt, ageMs), certificate)
  }

  for (let day = 1; day <= options.days; day++) {
    const midnight = plusMs(start, day * dayMs)
    for (let now = queue.nextAt(); now !== undefined && now < midnight; now = queue.nextAt()) {
      const certificate = queue.pop() ?? 0 // there is one: its time is known
      if (isOut(now)) {
        count.unreachable += 1
        retry(certificate, now)
      } else if (certificates.isOrdered(certificate)) conclude(certificate, now)
      else order(certificate, now)
    }
    for (const [bucket, fullAt] of ledger) if (fullAt <= midnight) ledger.delete(bucket)
    yield day
  }
  const { expired, missing } = certificates.atTheEnd(end)
  return { ...count, expiries: count.expiries + expired, missing, ordersPerHour }
}

const ariBit = 1
const sameSetBit = 2
/** All combinations, so that none is made for each order. */
const exemptionSets: readonly (readonly Exemption[])[] = [[], ['ari'], ['same-set'], ['ari', 'same-set']]

/** What is known about each certificate, in columns: a million objects would take ten times the memory. */
function certificateTable(size: number) {
  const none = 0 // no certificate, no order: the simulation does not begin in 1970
  const columns = () => new Float64Array(size).fill(none)
  const [issuedAt, notAfter, windowStart, windowEnd, orderedAt] = [
    columns(),
    columns(),
    columns(),
    columns(),
    columns(),
  ]
  const orderedWith = new Uint8Array(size)
  const failures = new Uint16Array(size)
  const cell = (column: Float64Array, certificate: number) => column[certificate] ?? none

  return {
    isOrdered: (certificate: number) => cell(orderedAt, certificate) !== none,
    order: (certificate: number) => ({
      orderedAt: instant(cell(orderedAt, certificate)),
      exemptions: exemptionSets[orderedWith[certificate] ?? 0] ?? [],
    }),
    ordered: (certificate: number, at: Instant, exemptions: readonly Exemption[]) => {
      orderedAt[certificate] = at
      orderedWith[certificate] =
        (exemptions.includes('ari') ? ariBit : 0) + (exemptions.includes('same-set') ? sameSetBit : 0)
    },
    concluded: (certificate: number) => {
      orderedAt[certificate] = none
    },
    issued: (certificate: number, issued: Issued) => {
      issuedAt[certificate] = issued.notBefore
      notAfter[certificate] = issued.notAfter
      windowStart[certificate] = issued.window.start
      windowEnd[certificate] = issued.window.end
      failures[certificate] = 0
    },
    /** As {@link orderExemptions} says it of certificates that have objects of their own. */
    exemptions: (certificate: number, now: Instant, renewalInfo: boolean) => {
      const advised =
        renewalInfo && cell(windowStart, certificate) <= now && now < cell(windowEnd, certificate)
      const again = cell(issuedAt, certificate) > now - sameSetLookBackMs
      return exemptionSets[(advised ? ariBit : 0) + (again ? sameSetBit : 0)] ?? []
    },
    countFailure: (certificate: number): number => {
      const next = (failures[certificate] ?? 0) + 1
      failures[certificate] = next
      return next
    },
    hasExpired: (certificate: number, now: Instant) => {
      const at = cell(notAfter, certificate)
      return at !== none && at < now
    },
    atTheEnd: (end: Instant) => ({
      expired: notAfter.reduce((sum, at) => sum + (at !== none && at < end ? 1 : 0), 0),
      missing: notAfter.reduce((sum, at) => sum + (at === none ? 1 : 0), 0),
    }),
  }
}
