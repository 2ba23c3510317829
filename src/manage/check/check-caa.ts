/** CAA records of the names of a certificate, against the CA, the account and the kind of challenge that will be used. */
import type { ChallengeType } from '../../acme/challenge.ts'
import { type Identifier, isWildcard } from '../../acme/identifier.ts'
import { isAppError } from '../../base/errors.ts'
import { printable } from '../../base/printable.ts'
import type { CaaRecord, DnsQuery } from '../../runtime/dns.ts'
import { type CaaRequest, judgeCaa } from './caa.ts'
import { namesUpwards } from './dns-view.ts'
import { type Finding, finding } from './finding.ts'

/** Records name what is foreign: a CA, an account. */
const maxShown = 300

export type CaaOptions = {
  readonly authority: string
  readonly identities: readonly string[]
  readonly accountUrl: string | undefined
  readonly method: ChallengeType
  readonly dns: DnsQuery
  readonly signal: AbortSignal
}

/**
 * Looks up what counts for one identifier, as CAs do, and judges it.
 * @throws AppError ERR_ABORTED
 */
export async function checkCaa(identifier: Identifier, options: CaaOptions): Promise<Finding> {
  const { value } = identifier
  if (identifier.type === 'ip') return finding('caa', 'skipped', `${value} is an address: CAA is for names`)
  const { authority, identities, accountUrl, method } = options
  const found = await relevantSet(value.replace(/^\*\./, ''), options)
  if ('failure' in found) {
    const hint = 'a CA that cannot look up CAA either does not issue: see that the servers in charge answer'
    return finding('caa', 'failed', `${value}: ${found.failure}`, hint)
  }
  const request: CaaRequest = {
    identities,
    method,
    wildcard: isWildcard(identifier),
    ...(accountUrl !== undefined && { accountUrl }),
  }
  const verdict = judgeCaa(found.records, request)
  const at = found.at === undefined ? '' : ` (${found.at})`
  switch (verdict.kind) {
    case 'unrestricted':
      return finding('caa', 'ok', `${value}: every CA may issue${at}`)
    case 'permitted':
      return finding(
        'caa',
        'ok',
        `${value}: ${authority} may issue, by "${printable(verdict.by, maxShown)}"${at}`,
      )
    case 'unknown':
      return finding('caa', 'warning', `${value}: ${printable(verdict.why, maxShown)}${at}`)
    case 'forbidden': {
      const own = identities[0] ?? 'the CA'
      const hint = verdict.forOthers
        ? `add a record such as: ${found.at ?? value}. CAA 0 issue "${own}"`
        : `change that record of ${found.at ?? value}`
      const why = `${value}: ${authority} may not issue${at}: ${printable(verdict.why, maxShown)}`
      return finding('caa', 'failed', why, hint)
    }
    default:
      return verdict satisfies never
  }
}

type RelevantSet = { readonly at?: string; readonly records: readonly CaaRecord[] }

/** The set of the name, or of the nearest name above it that has one (RFC 8659 §3). */
async function relevantSet(
  name: string,
  { dns, signal }: Pick<CaaOptions, 'dns' | 'signal'>,
): Promise<RelevantSet | { readonly failure: string }> {
  for (const at of namesUpwards(name)) {
    try {
      const records = await dns({ name: at, type: 'CAA' }, { signal })
      if (records.length > 0) return { at, records }
    } catch (error) {
      if (!isAppError(error) || error.code === 'ERR_ABORTED') throw error
      return { failure: `the CAA records of ${at}: ${error.message}` }
    }
  }
  return { records: [] }
}
