/** What makes a challenge pass. */
import type { ChallengeType } from '../acme/challenge.ts'
import type { Identifier } from '../acme/identifier.ts'

/** Plain JSON values. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }

/**
 * Exactly what will be put where. Plain JSON, computed before anything is touched, stored, then used by `present` and,
 * in this process or a later one, by `cleanUp`.
 */
export type Provision = { readonly [key: string]: Json }

/** One challenge to be answered. */
export type SolverChallenge = {
  readonly identifier: Identifier
  readonly token: string
  readonly keyAuthorization: string
}

export type SelfCheckResult =
  | { readonly outcome: 'visible' }
  /** Could not be looked at from here (no route, no such protocol); the CA may still see it. */
  | { readonly outcome: 'unknown'; readonly text: string }
  /** It would fail: what was seen instead, and what to do. */
  | { readonly outcome: 'wrong'; readonly text: string; readonly hint: string }

/** Options last, `signal` in them; an aborted call may leave behind what its provision describes, never more. */
export interface Solver {
  readonly name: string
  readonly type: ChallengeType
  /** Why this solver can not serve an identifier, or `undefined` when it can. MUST NOT touch anything. */
  refusal(identifier: Identifier): string | undefined
  /** MUST NOT touch anything. */
  provision(challenge: SolverChallenge): Promise<Provision>
  /** MUST put in place what the provision says, or throw and leave nothing that `cleanUp` does not remove. */
  present(provision: Provision, options: { readonly signal: AbortSignal }): Promise<void>
  /** Looks at the response the way the CA will. MAY be left out where nothing can be looked at. */
  selfCheck?(challenge: SolverChallenge, options: { readonly signal: AbortSignal }): Promise<SelfCheckResult>
  /** MUST remove what `present` put there and nothing else; MUST work in a later process and when repeated. */
  cleanUp(provision: Provision, options: { readonly signal: AbortSignal }): Promise<void>
}
