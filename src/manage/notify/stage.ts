/** How near the end of a certificate is. Pure. */
import { dayMs, hourMs, type Instant } from '../../base/instant.ts'
import type { Urgency } from '../../contracts/notifier.ts'

/** When a certificate is good. */
export type Validity = { readonly notBefore: Instant; readonly notAfter: Instant }

/** From far to past; renewals begin at a third of the lifetime, or half of a short one. */
export const stages = ['far', 'near', 'close', 'expired'] as const
export type Stage = (typeof stages)[number]

/** 22 days of 90, 11 of 45, 40 hours of 160. */
const nearShare = 1 / 4
/** 9 days of 90, 4.5 of 45, 16 hours of 160. */
const closeShare = 1 / 10

/**
 * How long the same is not told again: a day, less what a daily timer may come earlier than the day before. Exactly a
 * day would make every second reminder fall out.
 */
export const reminderMs = dayMs - 2 * hourMs

/** The stage of a certificate. */
export function expiryStage({ notBefore, notAfter }: Validity, now: Instant): Stage {
  const left = notAfter - now
  const lifetime = notAfter - notBefore
  if (left <= 0) return 'expired'
  if (left < lifetime * closeShare) return 'close'
  return left < lifetime * nearShare ? 'near' : 'far'
}

/** Whether `one` is nearer to the end than `other`. */
export function isNearer(one: Stage, other: Stage): boolean {
  return stages.indexOf(one) > stages.indexOf(other)
}

/** How urgent a trouble with a certificate of that stage is. */
export function troubleUrgency(stage: Stage): Urgency {
  return stage === 'close' || stage === 'expired' ? 'critical' : 'warning'
}
