/** What the limits want to know about an order. */
import { type Identifier, identifierKey, sameIdentifiers } from '../../acme/identifier.ts'
import { dayMs, type Instant } from '../../base/instant.ts'
import { sha256Hex } from '../../base/sha256.ts'
import type { Exemption, Limits } from './limit.ts'

/** An order as the limits see it. Texts only name buckets: equal for what is counted together. */
export type OrderFacts = {
  /** Of the account that orders: accounts at one CA have ids of their own. */
  readonly account: string
  /** For the exact set of identifiers. */
  readonly set: string
  readonly domains: readonly string[]
  readonly identifiers: readonly string[]
  readonly exemptions: readonly Exemption[]
}

/** How far back Let's Encrypt looks for a certificate of the same set. */
export const sameSetLookBackMs = 120 * dayMs
/** Enough of a digest to tell the sets of one installation apart. */
const setKeyLength = 16

/**
 * The facts of an order. The public suffix list is loaded only for limits that need it.
 * @param options - `account`: the id of the authority, under which our account there is kept
 */
export async function orderFacts(
  identifiers: readonly Identifier[],
  {
    account,
    exemptions,
    limits,
  }: { readonly account: string; readonly exemptions: readonly Exemption[]; readonly limits: Limits },
): Promise<OrderFacts> {
  const keys = identifiers.map(identifierKey)
  const set = sha256Hex([...new Set(keys)].sort().join(' ')).slice(0, setKeyLength)
  const domains =
    limits['certificates-per-domain'] === undefined
      ? []
      : (await import('./registered-domain.ts')).registeredDomains(identifiers)
  return { account, set, domains, identifiers: [...new Set(identifiers.map(authorizedName))], exemptions }
}

/**
 * What an order is exempt from at Let's Encrypt: as a renewal that the CA advised while it arrives within the window
 * (end excluded), and as one of the same set.
 * @param window - of the certificate that the order will name as replaced
 * @param issued - what the same CA issued before
 */
export function orderExemptions(
  identifiers: readonly Identifier[],
  {
    window,
    issued,
    now,
  }: {
    readonly window?: { readonly start: Instant; readonly end: Instant } | undefined
    readonly issued: readonly { readonly identifiers: readonly Identifier[]; readonly notBefore: Instant }[]
    readonly now: Instant
  },
): readonly Exemption[] {
  const advised = window !== undefined && window.start <= now && now < window.end
  const again = issued.some(
    certificate =>
      certificate.notBefore > now - sameSetLookBackMs &&
      sameIdentifiers(certificate.identifiers, identifiers),
  )
  return [...(advised ? (['ari'] as const) : []), ...(again ? (['same-set'] as const) : [])]
}

// A wildcard is validated, and its failures are counted, under the name below the `*`.
function authorizedName({ value }: Identifier): string {
  return value.replace(/^\*\./, '')
}
