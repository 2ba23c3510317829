/** The limits that CAs publish. Of those that are not here no numbers are known; a refusal teaches them. */
import { hourMs, minuteMs, secondMs } from '../../base/instant.ts'
import { resolveAuthority } from '../authorities.ts'
import { type LimitOverrides, type Limits, withOverrides } from './limit.ts'

// letsencrypt.org/docs/rate-limits as of 2026-08-05. Refills are the published ones; where 7 days divide into less even
// spans, the CA's own are up to 1 % shorter. A limit on accounts per IPv6 /48 (500 / 3 h) cannot be reached from one host.
const letsEncrypt: Limits = {
  'new-accounts': { capacity: 10, refillMs: 18 * minuteMs },
  'new-orders': { capacity: 300, refillMs: 36 * secondMs },
  'certificates-per-domain': { capacity: 50, refillMs: 202 * minuteMs },
  'certificates-per-set': { capacity: 5, refillMs: 34 * hourMs },
  'failed-validations': { capacity: 5, refillMs: 12 * minuteMs },
  'failures-in-a-row': { capacity: 1_152, refillMs: 24 * hourMs },
}

// letsencrypt.org/docs/staging-environment as of 2026-04-10.
const letsEncryptStaging: Limits = {
  'new-accounts': { capacity: 50, refillMs: (3 * hourMs) / 50 },
  'new-orders': { capacity: 1_500, refillMs: (3 * hourMs) / 1_500 },
  'certificates-per-domain': { capacity: 30_000, refillMs: secondMs / 30_000 },
  'certificates-per-set': { capacity: 30_000, refillMs: (168 * hourMs) / 30_000 },
  'failed-validations': { capacity: 200, refillMs: hourMs / 200 },
  'failures-in-a-row': { capacity: 3_600, refillMs: (6 * hourMs) / 3_600 },
}

const published = new Map<string, Limits>([
  ['letsencrypt', letsEncrypt],
  ['letsencrypt-staging', letsEncryptStaging],
])

/** The limits of a CA, by its directory, with what the configuration knows better. */
export function limitsOf(directory: string, overrides: LimitOverrides = {}): Limits {
  return withOverrides(published.get(ledgerName(directory)) ?? {}, overrides)
}

/**
 * The name of a CA's ledger, safe as a file name. Authorities of a configuration that lead to one directory share it:
 * what is counted per domain is counted over all accounts.
 */
export function ledgerName(directory: string): string {
  const authority = resolveAuthority(directory)
  if ('id' in authority) return authority.id
  throw new TypeError(`not a directory: ${authority.problem}`)
}
