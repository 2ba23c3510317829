/** What an ACME server is told, and what it assumes when it is not told. */
import { dayMs, hourMs, secondMs } from '../base/instant.ts'
import { type Logger, silentLogger } from '../base/log.ts'
import type { Resolver } from '../runtime/resolver.ts'
import type { Issuer } from './issuance/issuer.ts'

export type AcmeServerOptions = {
  /** An https URL, such as `https://ca.example:14000`. Every URL the server gives out begins with it. */
  readonly baseUrl: string
  readonly issuer: Issuer
  readonly validation?: ValidationOptions
  /** Offered profiles by name (draft-ietf-acme-profiles); without one an order gets `certificateLifetimeMs`. */
  readonly profiles?: ReadonlyMap<string, Profile>
  /** The default is 90 days. */
  readonly certificateLifetimeMs?: number
  /** How long a validated authorization serves the account's further orders; the default is not at all. */
  readonly authorizationReuseMs?: number
  /** How long a client has from newOrder to finalize; the default is 7 days. */
  readonly orderLifetimeMs?: number
  /** URL of terms that every account must agree to. */
  readonly termsOfService?: string
  readonly website?: string
  /** Names by which CAA records mean this CA. */
  readonly caaIdentities?: readonly string[]
  /** HMAC keys by key id. When given, every new account must be bound to one, and each serves once (§7.3.4). */
  readonly externalAccounts?: ReadonlyMap<string, Uint8Array>
  /** The share of good nonces to refuse, from 0 to 1: clients must survive it. The default is 0. */
  readonly rejectNonces?: number
  /** Makes the refusals repeatable. */
  readonly seed?: number
  /**
   * How long the replies to a challenge and to finalize wait for the outcome, so that what is quick needs no polling;
   * the default is half a second.
   */
  readonly holdRepliesMs?: number
  /** When clients are told to look again at what takes longer; the default is 1 s. */
  readonly retryAfterMs?: number
  /** When clients are told to ask for renewal information again; the default is 6 h. */
  readonly renewalInfoRetryAfterMs?: number
  readonly log?: Logger
}

export type Profile = { readonly description: string; readonly certificateLifetimeMs: number }

export type ValidationOptions = {
  /** Where http-01 connects to instead of port 80, which is right outside tests. */
  readonly httpPort?: number
  /** Where redirects to https lead to instead of port 443. */
  readonly httpsPort?: number
  /** Resolves names for validation only; the default is the runtime's. */
  readonly resolver?: Resolver
  /**
   * Networks (`10.0.0.0/8`) that validation may connect to although they are not public. The default is none, because
   * whoever may order certificates could use the CA to look into the network it stands in.
   */
  readonly allowedNetworks?: readonly string[]
}

/** The options with nothing left open. */
export type Config = ReturnType<typeof withDefaults>

/** Let's Encrypt's and most CAs' customary values, where there are any. */
const defaults = {
  certificateLifetimeMs: 90 * dayMs,
  authorizationReuseMs: 0,
  orderLifetimeMs: 7 * dayMs,
  rejectNonces: 0,
  seed: 1,
  holdRepliesMs: secondMs / 2,
  retryAfterMs: secondMs,
  renewalInfoRetryAfterMs: 6 * hourMs,
  log: silentLogger,
} as const

/** Fills in the defaults. */
export function withDefaults(options: AcmeServerOptions) {
  return {
    ...defaults,
    ...options,
    profiles: options.profiles ?? new Map<string, Profile>(),
    externalAccounts: options.externalAccounts ?? new Map<string, Uint8Array>(),
    caaIdentities: options.caaIdentities ?? [],
  }
}
