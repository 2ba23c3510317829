/**
 * Status derived from facts (RFC 8555 §7.1.6).
 *
 * A server stores what happened; what an object's status is follows from that and from the time. Nothing can then be
 * in a state that its history does not explain.
 */
import type { Instant } from '../base/instant.ts'
import type { AuthorizationStatus } from './authorization.ts'
import type { OrderStatus } from './order.ts'
import type { Problem } from './problem.ts'

/** What happened to a challenge. */
export type ChallengeFacts = {
  /** When the client asked for validation. */
  readonly answeredAt?: Instant
  readonly validatedAt?: Instant
  readonly error?: Problem
}

export type ChallengeStatus = 'pending' | 'processing' | 'valid' | 'invalid'

/** What happened to an authorization. */
export type AuthorizationFacts = {
  readonly challenges: readonly ChallengeFacts[]
  readonly expires: Instant
  readonly deactivatedAt?: Instant
  readonly revokedAt?: Instant
}

/** What happened to an order. */
export type OrderFacts = {
  readonly authorizations: readonly AuthorizationStatus[]
  readonly expires: Instant
  /** When a finalize request was accepted. */
  readonly finalizedAt?: Instant
  /** When its certificate was issued. */
  readonly issuedAt?: Instant
  /** Why it will never lead to a certificate. */
  readonly error?: Problem
}

/** The status of a challenge. */
export function challengeStatus({ answeredAt, validatedAt, error }: ChallengeFacts): ChallengeStatus {
  if (validatedAt !== undefined) return 'valid'
  if (error !== undefined) return 'invalid'
  return answeredAt === undefined ? 'pending' : 'processing'
}

/**
 * The status of an authorization at `now`.
 *
 * What the client or the server decided comes first; then a failed challenge, which is final however much time passes;
 * then the time.
 */
export function authorizationStatus(facts: AuthorizationFacts, now: Instant): AuthorizationStatus {
  if (facts.revokedAt !== undefined) return 'revoked'
  if (facts.deactivatedAt !== undefined) return 'deactivated'
  const challenges = facts.challenges.map(challengeStatus)
  const valid = challenges.includes('valid')
  if (!valid && challenges.includes('invalid')) return 'invalid'
  if (facts.expires <= now) return 'expired'
  return valid ? 'valid' : 'pending'
}

/**
 * The status of an order at `now`.
 *
 * An order that was finalized no longer depends on its authorizations or on the time: what was promised is being kept.
 */
export function orderStatus(facts: OrderFacts, now: Instant): OrderStatus {
  if (facts.error !== undefined) return 'invalid'
  if (facts.issuedAt !== undefined) return 'valid'
  if (facts.finalizedAt !== undefined) return 'processing'
  if (facts.expires <= now) return 'invalid'
  if (facts.authorizations.every(status => status === 'valid')) return 'ready'
  return facts.authorizations.every(status => status === 'valid' || status === 'pending')
    ? 'pending'
    : 'invalid'
}
