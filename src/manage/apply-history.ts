/** What one run writes into the history of a certificate. Pure. */
import { formatInstant } from '../base/instant.ts'
import type { ApplyResult } from './apply-result.ts'
import type { TargetResult } from './execute/deploy.ts'
import { endpointName } from './observe/endpoint-result.ts'
import type { NewHistoryEntry } from './store/history.ts'
import type { RenewalAdvice } from './store/renewals.ts'
import type { StoredCertificate } from './store/stored-certificate.ts'

/** The entries for what became of a certificate; none where nothing was done. */
export function historyOf(result: ApplyResult): readonly NewHistoryEntry[] {
  const { action, outcome, certificate, targets, error } = result
  const facts = certificate && {
    authority: certificate.authority.id,
    generation: certificate.generation,
    fingerprint: certificate.fingerprint,
  }
  const entries: NewHistoryEntry[] = []
  if (action?.kind === 'issue' && certificate !== undefined)
    entries.push({ kind: 'issued', at: certificate.storedAt, text: issuedText(certificate), ...facts })
  if (error !== undefined) {
    const { code, message, hint } = error
    const kind = outcome === 'refused' ? 'refused' : 'failed'
    entries.push({ kind, text: message, code, ...(hint !== undefined && { hint }), ...facts })
  } else if (certificate !== undefined && targets.length > 0 && outcome !== 'unchanged') {
    entries.push({ kind: 'deployed', text: targets.map(deployedText).join('; '), ...facts })
  }
  return entries
}

/** The entry for a window that the CA advises, where it is another one than before. */
export function adviceHistory(
  before: RenewalAdvice | undefined,
  advice: RenewalAdvice | undefined,
): readonly NewHistoryEntry[] {
  if (advice === undefined || (before?.start === advice.start && before.end === advice.end)) return []
  const { start, end, selectedAt, explanationUrl } = advice
  const why = explanationUrl === undefined ? '' : `, for the reason at ${explanationUrl}`
  const window = `the CA advises to renew between ${formatInstant(start)} and ${formatInstant(end)}${why}`
  return [{ kind: 'advice', text: `${window}; chosen was ${formatInstant(selectedAt)}` }]
}

function issuedText({ identifiers, authority, notAfter }: StoredCertificate): string {
  const names = identifiers.map(({ value }) => value).join(', ')
  return `issued by ${authority.id} for ${names}, until ${formatInstant(notAfter)}`
}

function deployedText({ target, endpoints }: TargetResult): string {
  const seen = endpoints.map(({ endpoint }) => endpointName(endpoint))
  return `delivered to ${target}${seen.length === 0 ? '' : `, seen at ${seen.join(', ')}`}`
}
