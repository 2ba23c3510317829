/** Where to go back to when a delivery fails. Pure. */
import type { Instant } from '../../base/instant.ts'
import { type CertificateView, generationBefore } from '../observe/observation.ts'
import { safetyMargin } from './renewal-time.ts'

/**
 * The generation that servers are given again when the delivery of `next` fails.
 * @returns `undefined` where there is none, or where it is no better than a failure: ended, about to end, or revoked
 */
export function generationToReturnTo(
  next: string,
  view: Pick<CertificateView, 'live' | 'generations' | 'deployments'>,
  now: Instant,
): string | undefined {
  const id = generationBefore(next, view)
  const before = view.generations.find(({ generation }) => generation === id)
  return before !== undefined && before.revokedAt === undefined && safetyMargin(before) > now ? id : undefined
}
