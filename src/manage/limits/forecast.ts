/** The calendar of what is coming: which certificates are due on which day, and what has to wait for a limit. Pure. */
import { dayMs, type Instant, instant, plusMs } from '../../base/instant.ts'
import { selectRenewalTime } from '../plan/renewal-time.ts'
import type { RenewAt } from '../spec.ts'
import { createEventQueue } from './event-queue.ts'
import { applyChanges, forecastOrder, type Ledger, recordOrder, type Wait } from './ledger.ts'
import type { Exemption, Limits } from './limit.ts'
import type { OrderFacts } from './order-facts.ts'
import { reserve } from './plan-within.ts'

/** A certificate and its next orders. */
export type ForecastCertificate = {
  readonly name: string
  /** The name of the CA's ledger. */
  readonly ledger: string
  /** The next order; its exemptions are those that it will have when it is due. */
  readonly order: OrderFacts
  /** In the past for what is due now. */
  readonly dueAt: Instant
  /** What follows that order: how long its certificate will live, and what its renewals are exempt from. */
  readonly renewal: {
    readonly lifetimeMs: number
    readonly wanted?: RenewAt | undefined
    readonly exemptions: readonly Exemption[]
  }
}

/** One day of the calendar, in UTC. */
export type ForecastDay = {
  readonly start: Instant
  /** What falls due, in the order of its times. */
  readonly due: readonly { readonly name: string; readonly at: Instant }[]
  /** Orders that are sent on this day, those that had to wait for it included. */
  readonly orders: number
  /** What falls due on this day and is sent later. */
  readonly waiting: readonly { readonly name: string; readonly at: Instant; readonly wait: Wait }[]
}

/** A forecast: one entry for each day from the one of `from` on, the last one counted up to `to`. */
export type Forecast = { readonly from: Instant; readonly to: Instant; readonly days: readonly ForecastDay[] }

export type ForecastOptions = {
  readonly now: Instant
  readonly horizonMs: number
  /** By the names of the ledgers; a CA that is missing has no limits. */
  readonly ledgers: ReadonlyMap<string, { readonly ledger: Ledger; readonly limits: Limits }>
}

/** Most days of a forecast: ten years. */
export const maxForecastMs = 3_660 * dayMs
/** The share of the spread at which a renewal is expected that nothing was drawn for yet. */
const usualDraw = 0.5

/** Plays the coming orders through, each at the time at which it is due, or at which the limits let it in. */
export function forecastRenewals(
  certificates: readonly ForecastCertificate[],
  { now, horizonMs, ledgers }: ForecastOptions,
): Forecast {
  const to = plusMs(now, Math.min(horizonMs, maxForecastMs))
  const days = emptyDays(now, to)
  const dayOf = (at: Instant) => days[Math.floor(at / dayMs) - Math.floor(now / dayMs)]
  const own = new Map(
    [...ledgers].map(([id, { ledger, limits }]) => [id, { ledger: new Map(ledger), limits }]),
  )
  const unlimited = { ledger: new Map<string, Instant>(), limits: {} }
  const orders = certificates.map(({ order }) => order)
  const reserved = new Map<number, readonly string[]>()
  const queue = createEventQueue(certificates.length)
  for (const [index, { dueAt }] of certificates.entries()) queue.push(instant(Math.max(dueAt, now)), index)

  for (;;) {
    const at = queue.nextAt()
    const index = queue.pop()
    const certificate = index === undefined ? undefined : certificates[index]
    const order = index === undefined ? undefined : orders[index]
    if (
      at === undefined ||
      index === undefined ||
      certificate === undefined ||
      order === undefined ||
      at > to
    )
      break
    const { name, renewal } = certificate
    const { ledger, limits } = own.get(certificate.ledger) ?? unlimited
    const held = reserved.get(index)
    const day = dayOf(at)
    if (held === undefined) day?.due.push({ name, at })
    const wait = forecastOrder(ledger, order, limits, { now: at, reserved: held ?? [] })
    if (wait !== undefined) {
      day?.waiting.push({ name, at, wait })
      reserve(ledger, wait, limits, at)
      reserved.set(index, [...(held ?? []), wait.bucket])
      queue.push(wait.until, index)
      continue
    }
    applyChanges(ledger, recordOrder(ledger, order, limits, { now: at, reserved: held ?? [] }))
    reserved.delete(index)
    orders[index] = { ...order, exemptions: renewal.exemptions }
    if (day !== undefined) day.orders += 1
    queue.push(nextDue(at, renewal), index)
  }
  return { from: now, to, days }
}

function nextDue(issuedAt: Instant, { lifetimeMs, wanted }: ForecastCertificate['renewal']): Instant {
  const validity = { notBefore: issuedAt, notAfter: plusMs(issuedAt, lifetimeMs) }
  return selectRenewalTime(validity, { wanted, record: { draw: usualDraw } }).at
}

type DayInTheMaking = Pick<ForecastDay, 'start'> & {
  due: ForecastDay['due'][number][]
  orders: number
  waiting: ForecastDay['waiting'][number][]
}

function emptyDays(from: Instant, to: Instant): readonly DayInTheMaking[] {
  const first = Math.floor(from / dayMs)
  const last = Math.floor(to / dayMs)
  return Array.from({ length: last - first + 1 }, (_, index) => ({
    start: instant((first + index) * dayMs),
    due: [],
    orders: 0,
    waiting: [],
  }))
}
