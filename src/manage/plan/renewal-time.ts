/** When a certificate is renewed. Pure. */
import { dayMs, type Instant, plusMs } from '../../base/instant.ts'

/** Share of the lifetime that is left when a certificate is renewed, and the share for short lives. */
export const renewalShare = { usual: 1 / 3, short: 1 / 2 } as const
/** A life below this counts as short (the rule of RFC 9773's early users and of Let's Encrypt). */
export const shortLifeMs = 10 * dayMs

/**
 * The time at which a certificate becomes due.
 * @param validity - `notBefore` before `notAfter`
 * @returns a time that may lie in the past, which means now
 */
export function renewalTime({
  notBefore,
  notAfter,
}: {
  readonly notBefore: Instant
  readonly notAfter: Instant
}): Instant {
  const lifetimeMs = notAfter - notBefore
  const share = lifetimeMs < shortLifeMs ? renewalShare.short : renewalShare.usual
  return plusMs(notAfter, -lifetimeMs * share)
}
