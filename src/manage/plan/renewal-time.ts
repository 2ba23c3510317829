/** When a certificate is renewed. Pure. */
import { dayMs, hourMs, type Instant, plusMs } from '../../base/instant.ts'
import type { RenewAt } from '../spec.ts'
import type { RenewalAdvice, RenewalRecord } from '../store/renewals.ts'

/** Share of the lifetime that is left when a certificate is renewed, and the share for short lives. */
export const renewalShare = { usual: 1 / 3, short: 1 / 2 } as const
/** A life below this counts as short (the rule of RFC 9773's early users and of Let's Encrypt). */
export const shortLifeMs = 10 * dayMs
/** With this share of the life left nobody's advice and no maintenance window is waited for any longer. */
export const safetyShare = 1 / 20
/** Renewals that nobody advised are spread over this share of the life, so that what was issued together is not renewed together. */
export const spreadShare = 1 / 50

/** No advice makes a certificate due so soon after it began: a CA whose windows always lie in the past would never be done. */
const adviceRest = { share: 1 / 20, maxMs: 12 * hourMs } as const

export type Validity = { readonly notBefore: Instant; readonly notAfter: Instant }

/** A time and what it comes from. */
export type RenewalTime = {
  readonly at: Instant
  readonly source: 'renewal-info' | 'lifetime' | 'safety-margin'
}

/** What is known beforehand. */
export type RenewalFacts = {
  /** From the configuration. */
  readonly wanted?: RenewAt | undefined
  readonly record?: Pick<RenewalRecord, 'draw' | 'advice'> | undefined
}

/**
 * The time at which a certificate becomes due: the one drawn from the CA's advice, or else the configured share of its
 * life before its end.
 *
 * The margin overrules the CA and the configuration: a wrong window must never let a certificate expire. An earlier time
 * that the configuration asks for overrules the advice too. The window is RFC 9773 §4.2.
 * @param validity - `notBefore` before `notAfter`
 * @returns a time that may lie in the past, which means now
 */
export function selectRenewalTime(validity: Validity, { wanted, record }: RenewalFacts): RenewalTime {
  const lifetime: RenewalTime = { at: byLifetime(validity, wanted, record?.draw ?? 0), source: 'lifetime' }
  const advised: RenewalTime | undefined =
    record?.advice === undefined
      ? undefined
      : { at: laterOf(record.advice.selectedAt, restEnd(validity)), source: 'renewal-info' }
  const chosen = wanted === undefined ? (advised ?? lifetime) : earlier(lifetime, advised ?? lifetime)
  return earlier(chosen, { at: safetyMargin(validity), source: 'safety-margin' })
}

/** When a stored certificate is due, as far as the store knows: `wanted` is what the configuration said last. */
export function expectedRenewal(
  certificate: Validity & { readonly fingerprint: string },
  renewal: RenewalRecord | undefined,
  wanted: RenewAt | undefined = renewal?.at,
): RenewalTime {
  const record = renewal?.fingerprint === certificate.fingerprint ? renewal : undefined
  return selectRenewalTime(certificate, { wanted, record })
}

/** From then on a renewal does not wait for anything that is merely convenient. */
export function safetyMargin({ notBefore, notAfter }: Validity): Instant {
  return plusMs(notAfter, -(notAfter - notBefore) * safetyShare)
}

/**
 * What the CA advises now, with the time drawn from it.
 * @param earlier - the advice so far: its time stays, unless the window has moved away from it
 * @param fraction - a random number from 0 up to 1
 */
export function takeAdvice(
  window: Omit<RenewalAdvice, 'selectedAt'>,
  earlier: RenewalAdvice | undefined,
  fraction: number,
): RenewalAdvice {
  const kept = earlier?.selectedAt
  const stays = kept !== undefined && kept >= window.start && kept < window.end
  const selectedAt = stays ? kept : plusMs(window.start, Math.floor((window.end - window.start) * fraction))
  return { ...window, selectedAt }
}

function byLifetime({ notBefore, notAfter }: Validity, wanted: RenewAt | undefined, draw: number): Instant {
  const lifetimeMs = notAfter - notBefore
  const usual = lifetimeMs < shortLifeMs ? renewalShare.short : renewalShare.usual
  const leftMs =
    wanted === undefined
      ? lifetimeMs * usual
      : 'share' in wanted
        ? lifetimeMs * wanted.share
        : Math.min(wanted.beforeMs, lifetimeMs * maxWantedShare)
  return plusMs(notAfter, -Math.ceil(leftMs + draw * spreadShare * lifetimeMs))
}

/** To renew with even more of the life left would mean to renew without an end. */
const maxWantedShare = 0.9

function restEnd({ notBefore, notAfter }: Validity): Instant {
  return plusMs(notBefore, Math.min((notAfter - notBefore) * adviceRest.share, adviceRest.maxMs))
}

function laterOf(one: Instant, other: Instant): Instant {
  return one > other ? one : other
}

function earlier(one: RenewalTime, other: RenewalTime): RenewalTime {
  return other.at < one.at ? other : one
}
