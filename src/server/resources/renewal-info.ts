/** Renewal information (RFC 9773 §4). */
import { type RenewalInfo, writeRenewalInfo } from '../../acme/renewal-info.ts'
import { dayMs, type Instant, minuteMs, plusMs, secondMs } from '../../base/instant.ts'
import type { Parts } from '../parts.ts'
import { notFound, type Reply } from '../reply.ts'
import { retryAfter } from './orders.ts'

/** What the advice depends on. */
export type Renewable = {
  readonly notBefore: Instant
  readonly notAfter: Instant
  readonly revokedAt?: Instant
}

/** Certificates that live shorter than this are renewed at half of their life. */
const shortLifeMs = 10 * dayMs
/** Renewals are spread over this share of the lifetime. */
const windowShare = 0.02
/** Times are sent in whole seconds, and a window must not be empty. */
const minWindowMs = 2 * secondMs
/** The window of a revoked certificate has passed: renew now. */
const passed = { startMs: -60 * minuteMs, endMs: -30 * minuteMs } as const

/** When to renew: around two thirds of the life (half of a short one); at once when revoked. */
export function suggestedWindow({
  notBefore,
  notAfter,
  revokedAt,
}: Renewable): RenewalInfo['suggestedWindow'] {
  if (revokedAt !== undefined)
    return { start: plusMs(revokedAt, passed.startMs), end: plusMs(revokedAt, passed.endMs) }
  const lifetimeMs = notAfter - notBefore
  const centre = plusMs(notBefore, lifetimeMs * (lifetimeMs < shortLifeMs ? 1 / 2 : 2 / 3))
  const halfMs = Math.max(lifetimeMs * windowShare, minWindowMs) / 2
  return { start: plusMs(centre, -halfMs), end: plusMs(centre, halfMs) }
}

/** Gives the advice for a certificate, to anyone. */
export function readRenewalInfo(id: string, { config, records }: Pick<Parts, 'config' | 'records'>): Reply {
  const certificate = records.certificates.get(records.certificatesByRenewalId.get(id) ?? '')
  if (certificate === undefined) throw notFound('certificate')
  const { leaf, revoked } = certificate
  const window = suggestedWindow({ ...leaf, ...(revoked === undefined ? {} : { revokedAt: revoked.at }) })
  return {
    headers: retryAfter(config.renewalInfoRetryAfterMs),
    json: writeRenewalInfo({ suggestedWindow: window }),
  }
}
