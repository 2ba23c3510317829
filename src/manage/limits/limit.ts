/** The limits that a CA sets on how much it can be asked for: what each counts, and of what kind it is. */
import { parseDurationMs } from '../../base/duration.ts'
import { AppError } from '../../base/errors.ts'

/** Why an order need not stand in line: it renews as the CA advised (RFC 9773), or it asks for what was issued before. */
export type Exemption = 'ari' | 'same-set'

/** The kinds of limits, by the names that a configuration uses. */
export const limitNames = [
  'new-accounts',
  'new-orders',
  'certificates-per-domain',
  'certificates-per-set',
  'failed-validations',
  'failures-in-a-row',
] as const
export type LimitName = (typeof limitNames)[number]

/** What the limits of a kind have in common, whoever sets them. */
export type LimitKind = {
  /** What has a bucket of its own. */
  readonly per: 'host' | 'account' | 'registered-domain' | 'exact-set' | 'identifier'
  /** What takes a token. All are asked before an order, except the one that counts accounts. */
  readonly counts: 'account' | 'order' | 'certificate' | 'failure'
  /** Orders that are not asked. */
  readonly exempt: readonly Exemption[]
  /** Whether even an exempt order takes a token. */
  readonly countsExempt?: true
  /** Whether a success fills the bucket. */
  readonly resetBySuccess?: true
  /** What there are so and so many of. */
  readonly noun: string
}

/** The kinds. Exemptions and counting are those of Let's Encrypt. */
export const limitKinds: Readonly<Record<LimitName, LimitKind>> = {
  'new-accounts': { per: 'host', counts: 'account', exempt: [], noun: 'new accounts from one address' },
  'new-orders': {
    per: 'account',
    counts: 'order',
    exempt: ['ari', 'same-set'],
    noun: 'new orders of one account',
  },
  'certificates-per-domain': {
    per: 'registered-domain',
    counts: 'certificate',
    exempt: ['ari', 'same-set'],
    noun: 'certificates for one registered domain',
  },
  'certificates-per-set': {
    per: 'exact-set',
    counts: 'certificate',
    exempt: ['ari'],
    countsExempt: true,
    noun: 'certificates for exactly the same names',
  },
  'failed-validations': {
    per: 'identifier',
    counts: 'failure',
    exempt: ['ari'],
    noun: 'failed validations of one name',
  },
  'failures-in-a-row': {
    per: 'identifier',
    counts: 'failure',
    exempt: [], // a name that the CA has paused is paused for every order
    resetBySuccess: true,
    noun: 'failed validations of one name without a success',
  },
}

/** A token bucket: so many at once, and one more each `refillMs`. */
export type LimitSize = { readonly capacity: number; readonly refillMs: number }

/** The limits of one CA; those that it does not have are absent. */
export type Limits = Readonly<Partial<Record<LimitName, LimitSize>>>

/** What a configuration says about limits that a CA has granted or that are not published. */
export type LimitOverrides = Readonly<Partial<Record<LimitName, LimitSize | 'none'>>>

/** Published limits with what is known better. */
export function withOverrides(published: Limits, overrides: LimitOverrides): Limits {
  const entries = Object.entries({ ...published, ...overrides })
  return Object.fromEntries(entries.filter(([, size]) => size !== 'none')) as Limits // of the same members
}

/**
 * A size from text such as `300 / 3 h`.
 * @throws AppError ERR_FORMAT
 */
export function parseLimitSize(text: string): LimitSize {
  const [, count = '', period = ''] = /^\s*(\d{1,9})\s*\/\s*(.+)$/.exec(text) ?? []
  const capacity = Number(count)
  const periodMs = period === '' ? 0 : parseDurationMs(period)
  if (capacity > 0 && periodMs > 0) return { capacity, refillMs: periodMs / capacity }
  throw new AppError('ERR_FORMAT', `"${text}" is not a limit`, {
    hint: 'write how many in which time: 300 / 3 h',
  })
}

/** Whether this is a size, or `none`. */
export function isLimit(text: string): boolean {
  try {
    parseLimit(text)
    return true
  } catch {
    return false
  }
}

/**
 * A size, or `none` for a limit that is not there.
 * @throws AppError ERR_FORMAT
 */
export function parseLimit(text: string): LimitSize | 'none' {
  return text.trim() === 'none' ? 'none' : parseLimitSize(text)
}
