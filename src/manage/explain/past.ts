/** What happened to a certificate: its history, and what the store shows beside it. Pure. */
import { formatInstant } from '../../base/instant.ts'
import type { CertificateView } from '../observe/observation.ts'
import type { FailedAttempts } from '../store/attempts.ts'
import type { Deployment } from '../store/deployments.ts'
import { chronological, type HistoryEntry } from '../store/history.ts'
import type { StoredCertificate } from '../store/stored-certificate.ts'
import type { TimelineEntry } from './timeline.ts'

/**
 * The past, the oldest first. A history may have lost entries (it is damaged, or a process was killed before it wrote one):
 * what the store shows all the same is told too.
 */
export function pastOf(
  view: Pick<CertificateView, 'generations' | 'deployments' | 'attempts'>,
  history: readonly HistoryEntry[],
): readonly TimelineEntry[] {
  const knows = (kind: HistoryEntry['kind'], generation: string) =>
    history.some(entry => entry.kind === kind && entry.generation === generation)
  const { issuance, delivery } = view.attempts
  const entries = [
    ...history.map(toEntry),
    ...view.generations.filter(({ generation }) => !knows('issued', generation)).map(issued),
    ...view.generations
      .filter(({ generation }) => !knows('revoked', generation))
      .flatMap(({ revokedAt }) => revokedAt ?? [])
      .map((at): TimelineEntry => ({ at, kind: 'revoked', text: 'revoked' })),
    ...view.deployments.filter(({ generation }) => !knows('deployed', generation)).flatMap(deployed),
    ...[issuance, delivery].flatMap(failed => (failed === undefined ? [] : failure(failed, history))),
  ]
  return chronological(entries)
}

function toEntry({ at, kind, text, hint, count, lastAt }: HistoryEntry): TimelineEntry {
  const times = count !== undefined && lastAt !== undefined && { count, lastAt }
  return { at, kind, text, ...(hint !== undefined && { hint }), ...times }
}

function issued({ storedAt, authority, identifiers, notAfter }: StoredCertificate): TimelineEntry {
  const names = identifiers.map(({ value }) => value).join(', ')
  const text = `issued by ${authority.id} for ${names}, until ${formatInstant(notAfter)}`
  return { at: storedAt, kind: 'issued', text }
}

function deployed({ at, target, seenAt, failure: failed }: Deployment): readonly TimelineEntry[] {
  if (failed !== undefined) return [] // among the attempts
  const seen = seenAt.length === 0 ? '' : `, seen at ${seenAt.join(', ')}`
  return [{ at, kind: 'deployed', text: `delivered to ${target}${seen}` }]
}

function failure(
  { count, since, last }: FailedAttempts,
  history: readonly HistoryEntry[],
): readonly TimelineEntry[] {
  const told = history.some(({ code, at, lastAt }) => code === last.code && (lastAt ?? at) >= last.at)
  if (told) return []
  const { message: text, hint } = last
  const times = count > 1 && { count, lastAt: last.at }
  return [{ at: since, kind: 'failed', text, ...(hint !== undefined && { hint }), ...times }]
}
